// Package nightly runs everything that looks for defects, one after the other, within a budget of time, and says in one
// report what came of it. It is the engine of `heapfuzz nightly`.
//
//	store, err := nightly.Open("nights", "corpus")
//	report, err := (&nightly.Night{Store: store, Self: []string{"heapfuzz"}, Budget: time.Hour}).Run(ctx)
//
// # Terms
//
// A night is one run through the steps; nights of a store are numbered. A step is one kind of look: the control, the
// campaign, an engine. It has a share of the budget, and what a step leaves of its share goes to those after it. Its
// status is ok, finding, failed (we are wrong, or nothing can be said) or skipped, with the reason. A slice is the part
// of a campaign between two times that its state is written.
//
//	replay ─ control ─ mutants ─ campaign ─ native ─ go-fuzz ─ libfuzzer ─ live ─ bench ─ corpus
//	   │                           │           │         │         │
//	   └── found/*.txt             └───────────┴── one corpus ─────┴──▶ minimized by behaviours and transitions
//
// # The store
//
//	DIR/state.json               the night, and the results of the steps that are done
//	DIR/history.jsonl            a line for each night
//	DIR/corpus/LANGUAGE/*.txt    the one corpus of all engines: programs as text
//	DIR/hunt/TARGET.json         how far the campaign on a target is, and what it counted
//	DIR/kept/*.txt               what broke a rule under an engine, until it is promoted
//	DIR/kept/meters/*.json       what an engine's processes executed, until the step has added it up
//	DIR/kept/flaky/*.txt         what did not when it ran again: it stays until a person removes it
//	DIR/bench.json               the best ratios of the benchmarks
//	DIR/live.json                the target that had no time to be compared with its interpreter
//	DIR/evidence/                what the sample of mutants showed
//	DIR/lock                     held by the night that works here
//	DIR/work                     what engines and builds need; may be removed at any time
//	DIR/logs/                    what was printed
//	DIR/report.{html,xml,json}   for people, for CI (JUnit), for other programs
//	CORPUS/LANGUAGE/found/*.txt  findings, as all others of the project
//
// # What always holds
//
//  1. A file of the store appears whole or not at all: it is written beside its place, brought to the disk, and
//     renamed.
//  2. A finding, and a program of the corpus, is on the disk before anything that counts it is. So whoever is killed at
//     any moment has counted too little at most, and what it counts again has the same name: names are sums of
//     contents.
//  3. A slice follows from the seed, the target, its number and the seeds that the state names. A slice that was cut
//     off is done again, and finds the same. So findings and corpus after any number of kills are those of an
//     undisturbed run. (The end of the time is no kill: it ends a slice in order, and the next one has another number.)
//  4. One night at a time works on a store: it holds a lock, which goes with its process.
//  5. A program leaves the corpus only when others on the disk show all that it shows.
//
// # Engines and their crashers
//
// Our fuzz functions write what breaks a rule into the folder HEAPFUZZ_KEEP themselves, and do not tell their engine:
// Go's engine and libFuzzer end at the first crasher, and the coordinator of go-fuzz loses those that workers report
// while it is down. An engine that is not told goes on beside an open finding as if there were none. What an engine
// keeps is read as well, since a process that dies writes nothing. For the same reason engines are given only programs
// that break no rule: each is replayed first, on the target that the engine would try it on. An engine that executed
// nothing has failed.
//
// Before that each engine is tried on a canary, with the project's seeds, as on what it is for: one that finds none of
// three has failed, whatever it executes.
//
// Each crasher is shrunk by `heapfuzz shrink`, in a process of its own, and known ones are left out: those with the
// property, the rule and the target of a file in found, if that still breaks the rule. One that is mended stays in
// found for ever, and says nothing of a crasher of today. So it is with findings of the campaign; the store of a
// control is empty, and knows none.
//
// The same functions write what their executions did into a folder below that, now and then: the meters of all targets.
// A step adds them up, and fails as vacuous what is under the floors of engines, as the campaign does.
//
// # Rejected
//
// A database for the corpus would make (1) somebody else's work, but a person could not look at it with an editor, and
// no engine could be given a folder. A lock file with a process number outlives its process; flock does not.
package nightly
