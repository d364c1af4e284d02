package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// table prints rows in columns. A title that begins with ">" is that of a column of numbers, which stand to the right.
type table struct{ rows [][]string }

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) print(w io.Writer) error {
	var width []int
	right := map[int]bool{}
	for r, row := range t.rows {
		for i, cell := range row {
			if r == 0 {
				row[i], right[i] = strings.CutPrefix(cell, ">")
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(row[i]))
		}
	}
	var b strings.Builder
	for _, row := range t.rows {
		line := ""
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if right[i] {
				line += pad + cell + "  "
			} else {
				line += cell + pad + "  "
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// commas prints 1234567 as 1,234,567.
func commas[N int | uint64 | int64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// share prints a part of a whole in percent: "93.1%", and "-" of nothing.
func share(part, whole uint64) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(part)/float64(whole))
}

// count prints a number with its noun: "1 program", "2,345 programs".
func count[N int | uint64 | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return commas(n) + " " + noun + "s"
}

// oneLine makes a text fit for a comment of one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
