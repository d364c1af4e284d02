// Package mutant measures what the harness can see: it makes thousands of small defects in the packages of impl, one at
// a time, and has the properties of package props look for each. It is the engine of `heapfuzz prove`.
//
//	proof, err := mutant.Prove(ctx, mutant.Options{Root: root, Seed: 1, Workers: 2})
//	sum := mutant.Summarize(proof, survivors)
//
// # Terms
//
// An operator is a kind of defect: a comparison shifted, a store left out, a constant that is one more. A site is a
// place of the source where operators apply, and a mutant is one operator at one site. A mutant is killed when a rule
// is broken, and survives when none was within the limits. It is equivalent when no program can tell it from the
// original.
// The score is the share killed of those that are not equivalent.
//
// # One build for all mutants
//
// A build for each mutant would take days. So all stand in one program, which is called a schema: where the source has
//
//	if n <= old { s.used-- }
//
// the schema has
//
//	if mut_.Le(17, n , old) { if mut_.At(18) == 0 { if mut_.At(19) == 0 { s.used-- } else { s.used++ } } }
//
// Each number is a site. A site that is not active costs the load of a byte at an address that the compiler knows, and
// a comparison. Which site is active, and which of its variants, is read from the environment before main. Lines stay
// where they are, so that a panic of a mutant names the line of the source.
//
//	sources ──go/types──▶ Schema ──go build -overlay──▶ worker ──a process a mutant──▶ Trial ──▶ Summary
//
// The texts exist in a temporary folder only; the go command is told of them by an overlay, as of the switch (package
// mu) and of the worker's main. Nothing is ever written between the sources.
//
// What would not compile is avoided by the types that go/types knows: a constant is changed only where a variable may
// stand, an operand gets the type that it has there, a break is not put into an endless loop that ends a function.
// Conditions of loops are never made true: the clock would find that, and no property.
//
// # A worker
//
// A worker drives the targets that reach its site in turn, with the programs that a campaign would try: program n of a
// target follows from the seed, the target and n. Each is tried under conforms, every eighth under one more property,
// in turn. What programs do not kill alone is tried with a quarter more of them, of which targets ask besides what no
// program can (fuzz.Edges): implementations of other configurations, arguments that no operation has. What lives then
// is tried with recordings: programs that real interpreters have answered (package recorded), of which up to 24 that
// reach the site are replayed. The first breach is the kill; of a recording that is the first answer that is another
// one, or a panic, by the rule recorded/answers. Then the program is minimized, and the hunt begins again with the rule
// that killed switched off: what is not found then is what this rule earns. Unit tests have no part in it.
//
// A brief proof hunts in rounds: the first has a small part of the operations, the second all. So what edges or
// recordings show at once does not cost all programs first, and a proof of everything takes hours and not days; but
// some of what they find then is what programs alone would have found later.
//
// All stages of a hunt share one limit of CPU time. What a stage leaves is the next one's, but edges and recordings
// have an eighth each that programs cannot take. To be hunted again without a rule has that limit for itself.
//
// Which targets reach a site is learnt beforehand: each target is driven with all sites watched and none changed. A
// site that a program has reached often is not watched until the next one, as counting takes longer than all else. That
// is also the control: a target that breaks a rule there is a failure of its own, and no mutant is tried on it.
//
// A mutant is tried on 16 of those that reach its site, of many kinds and releases, but on all that are of its
// package's kind (dict-mixed-3.12 of impl/dict), and on four others at least: some defects show in one target only.
//
// Each recording is watched like a target; those are chosen that reach the site most often, where each further one of a
// release, and of a program, counts half as much, and the one that reaches it by the earliest line is tried first. What
// only the making of tables before main reaches is tried with recordings of every family, and with all short ones.
//
// A recording is not minimized: its answers are known as a whole only, and no shorter program has any. What it costs is
// bounded by its lines (40,000 of one, 400,000 of all, about a second) and not by the operations of programs. So the
// score is told twice: of all, and of random programs alone. When another rule is switched off recordings are tried as
// before; when they made the kill, all else had missed the mutant.
//
// A mutant may hang, take all memory, or damage the Go runtime. So each has a process of its own, with limits for the
// CPU time of a program and of a hunt, for the operations, and for the memory that is resident. What runs away is
// killed, by run/alive with the cause hang, memory or crash, and how far it came is read from a file that it shares
// with its parent. Its program is not minimized. While a recording is replayed that is a breach of recorded/answers.
//
// # What is left out
//
// Of impl/profile the table of profiles is mutated when it is asked for by name. What else is left as it is stands in
// scope.go, each with its reason.
//
// # What always holds
//
//  1. A schema without an active site does what the sources do (its controls say so, on every proof).
//  2. A kill is a function of sources, seed and limits: operations are counted, and the clock decides only what counts
//     as running away. Where a hunt was cut off the mutant is marked as late, whatever became of it. On Linux a worker
//     finds memory at the same addresses each time, as what a wrong address does depends on what lies there.
//  3. An identity does not change when lines are added above it: it is function, operator, a sum of the source at the
//     place, and a number among equals.
//  4. What survives and is not listed in the folder survivors with a reason is a failure; so is what is listed and
//     killed. A brief proof believes the list, and tries the rest only.
//  5. Where every mutant and every canary was tried, a rule is a failure that kills none of the mutants first and
//     without which no canary is missed: it is removed, or gets the canary that justifies it.
//
// # Rejected
//
// Gremlins and go-mutesting build and run the unit tests for each mutant; they are good for a look from outside, and
// report as timed out what a busy machine did not finish. Mutating the compiled program saves the build, but a mutant
// then is no change that a reader can judge. Running on behind every breach of a rule that is switched off would be
// the truth for each run of a user without that rule; but a judge whose own state lacks the block in question calls
// right answers wrong. So runs go on only behind breaches that leave the judge as it was (see onlooking), and end
// behind others.
package mutant
