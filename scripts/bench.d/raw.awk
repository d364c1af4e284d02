# raw: from the output of the twin and of go test to lines "impl op size ns".
/impl=/ && /ns\/pair/ {
	name = $1
	sub(/^BenchmarkHeap\//, "", name)
	split(name, part, "/")
	for (i in part) {
		sub(/^(impl|op|size)=/, "", part[i])
	}
	sub(/-[0-9]+$/, "", part[3]) # go test adds the number of processors
	for (i = 2; i < NF; i++) {
		if ($(i + 1) == "ns/pair") print part[1], part[2], part[3], $i
	}
}
