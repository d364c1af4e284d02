# table: from lines "impl op size ns" to the median, least and most of every implementation, the fastest first, and how
# many times as long arena-3.11 takes, by medians and by the least. Lines with a # pass.
/^#/ { print; next }
NF == 4 {
	w = "op=" $2 " size=" $3
	if (!(w in seen)) { seen[w] = 1; order[++workloads] = w }
	n = ++count[w, $1]
	if (n == 1) impls[w] = impls[w] " " $1
	ns[w, $1, n] = $4 + 0
}
# sorted puts the figures of one implementation in order, by insertion: there are few.
function sorted(w, impl,    n, i, j, v) {
	n = count[w, impl]
	for (i = 2; i <= n; i++) {
		v = ns[w, impl, i]
		for (j = i - 1; j >= 1 && ns[w, impl, j] > v; j--) ns[w, impl, j + 1] = ns[w, impl, j]
		ns[w, impl, j + 1] = v
	}
	return n
}
function median(w, impl,    n) {
	n = sorted(w, impl)
	if (n % 2) return ns[w, impl, (n + 1) / 2]
	return (ns[w, impl, n / 2] + ns[w, impl, n / 2 + 1]) / 2
}
# least holds once the figures are sorted.
function least(w, impl) { return ns[w, impl, 1] }
function table(w,    n, i, j, name, mid, v, ours) {
	n = split(impls[w], name, " ")
	for (i = 1; i <= n; i++) mid[i] = median(w, name[i])
	for (i = 2; i <= n; i++) {
		for (j = i; j > 1 && mid[j] < mid[j - 1]; j--) {
			v = mid[j]; mid[j] = mid[j - 1]; mid[j - 1] = v
			v = name[j]; name[j] = name[j - 1]; name[j - 1] = v
		}
	}
	for (i = 1; i <= n; i++) if (name[i] == "arena-3.11") ours = i
	printf "\n%-20s  %-16s %9s %9s %9s  %s\n", w, "implementation", "ns/pair", "least", "most", "arena-3.11 takes"
	for (i = 1; i <= n; i++) {
		v = ours ? sprintf("%.2f x  least %.2f x", mid[ours] / mid[i], least(w, name[ours]) / least(w, name[i])) : "-"
		printf "%-20s  %-16s %9.2f %9.2f %9.2f  %s\n", "", name[i], mid[i],
			least(w, name[i]), ns[w, name[i], count[w, name[i]]], v
	}
}
END { for (k = 1; k <= workloads; k++) table(order[k]) }
