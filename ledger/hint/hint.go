// Package hint is how errors say what to do about them: an error with a hint, and
// the names that come nearest to one that was mistyped. Errors of all rooms from the
// ledger up carry hints by it.
//
// Not here: any sentence of a hint, and any import of the module.
package hint

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// Hint returns what to do about the error.
func (h hinted) Hint() string { return h.hint }

// With returns err with a hint: what to do about it, in a sentence without its full
// stop. The error of no error is nil.
func With(err error, hint string) error {
	if err == nil {
		return nil
	}
	return hinted{err, hint}
}

// Withf is [With] for a hint that is formatted.
func Withf(err error, format string, args ...any) error {
	return With(err, fmt.Sprintf(format, args...))
}

// Of returns the outermost hint of an error: of whatever has a method Hint in its
// chain. It is empty where there is none.
func Of(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// most is how many names a sentence offers.
const most = 3

// Nearest returns those of the names that somebody who wrote name may have meant,
// the likeliest first, three at most. It is empty where none is like it.
func Nearest(name string, among []string) []string {
	type candidate struct {
		name string
		far  int
	}
	var list []candidate
	for _, other := range among {
		d := Distance(name, other)
		switch {
		case strings.HasPrefix(other, name) && name != "", strings.HasPrefix(name, other) && len(other) > 2:
			d = min(d, 1)
		case strings.Contains(other, name) && len(name) > 2:
			d = min(d, 2)
		}
		if d <= max(1, min(len(name), len(other))/3) && d < max(len(name), 1) {
			list = append(list, candidate{other, d})
		}
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return cmp.Compare(a.far, b.far) })
	var names []string
	for _, c := range list {
		if !slices.Contains(names, c.name) {
			names = append(names, c.name)
		}
	}
	return names[:min(most, len(names))]
}

// DidYouMean asks which of the names was meant: "did you mean lab-1 or lab-2?" It is
// empty where none is like name.
func DidYouMean(name string, among []string) string {
	near := Nearest(name, among)
	if len(near) == 0 {
		return ""
	}
	text := near[len(near)-1]
	if len(near) > 1 {
		text = strings.Join(near[:len(near)-1], ", ") + " or " + text
	}
	return "did you mean " + text + "?"
}

// Distance is how many letters must be changed, added, removed or swapped with the
// next to make one name of the other, of the first 64 bytes of each and without
// regard to case.
func Distance(a, b string) int {
	const longest = 64
	a, b = strings.ToLower(a[:min(len(a), longest)]), strings.ToLower(b[:min(len(b), longest)])
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
