package schema

import (
	"fmt"
	"math"
	"regexp"
	"regexp/syntax"
	"unicode"
)

// pattern is a regular expression. Those that schemas tend to use, an anchored sequence of ASCII character classes
// with repeat counts, or a few such as alternatives, are matched by hand, in a tenth of the time.
type pattern struct {
	source       string
	alternatives [][]step // nil: regexp decides
	regexp       *regexp.Regexp
}

// step is a run of bytes from a set.
type step struct {
	set      byteSet
	min, max int
}

type byteSet [256]bool

// maxAlternatives bounds what an expression may be multiplied out to.
const maxAlternatives = 16

func compilePattern(source string) (*pattern, error) {
	// Beyond ASCII, ECMA 262, which JSON Schema refers to, and RE2 go different ways.
	for _, r := range source {
		if r > unicode.MaxASCII {
			return nil, fmt.Errorf("pattern %q is not ASCII", source)
		}
	}
	re, err := regexp.Compile(source)
	if err != nil {
		return nil, err
	}
	p := &pattern{source: source, regexp: re}
	if tree, err := syntax.Parse(source, syntax.Perl); err == nil {
		p.alternatives = byHand(tree)
	}
	return p, nil
}

func (p *pattern) match(s []byte) bool {
	if p.alternatives == nil {
		return p.regexp.Match(s)
	}
	for _, steps := range p.alternatives {
		if matchSteps(steps, s) {
			return true
		}
	}
	return false
}

// matchSteps takes as many bytes as it can at each step, which [greedy] has shown to be right.
func matchSteps(steps []step, s []byte) bool {
	for i := range steps {
		st := &steps[i]
		n := 0
		for n < len(s) && n < st.max && st.set[s[n]] {
			n++
		}
		if n < st.min {
			return false
		}
		s = s[n:]
	}
	return len(s) == 0
}

// byHand returns the alternatives that an expression consists of, or nil if they can't be matched by [matchSteps].
func byHand(tree *syntax.Regexp) [][]step {
	if tree.Op != syntax.OpConcat || len(tree.Sub) < 2 ||
		tree.Sub[0].Op != syntax.OpBeginText || tree.Sub[len(tree.Sub)-1].Op != syntax.OpEndText {
		return nil
	}
	alternatives, ok := expand(&syntax.Regexp{Op: syntax.OpConcat, Sub: tree.Sub[1 : len(tree.Sub)-1]})
	if !ok {
		return nil
	}
	for _, steps := range alternatives {
		if !greedy(steps) {
			return nil
		}
	}
	return alternatives
}

// expand multiplies an expression out into sequences of steps.
func expand(re *syntax.Regexp) ([][]step, bool) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return [][]step{nil}, true
	case syntax.OpCapture:
		return expand(re.Sub[0])
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase != 0 {
			return nil, false
		}
		var steps []step
		for _, r := range re.Rune {
			st, ok := class([]rune{r, r})
			if !ok {
				return nil, false
			}
			steps = append(steps, st)
		}
		return [][]step{steps}, true
	case syntax.OpCharClass:
		st, ok := class(re.Rune)
		return [][]step{{st}}, ok
	case syntax.OpStar:
		return repeat(re.Sub[0], 0, math.MaxInt)
	case syntax.OpPlus:
		return repeat(re.Sub[0], 1, math.MaxInt)
	case syntax.OpQuest:
		some, ok := expand(re.Sub[0])
		return append(some, nil), ok
	case syntax.OpRepeat:
		if re.Max < 0 {
			return repeat(re.Sub[0], re.Min, math.MaxInt)
		}
		return repeat(re.Sub[0], re.Min, re.Max)
	case syntax.OpAlternate:
		var all [][]step
		for _, sub := range re.Sub {
			some, ok := expand(sub)
			if all = append(all, some...); !ok || len(all) > maxAlternatives {
				return nil, false
			}
		}
		return all, true
	case syntax.OpConcat:
		all := [][]step{nil}
		for _, sub := range re.Sub {
			some, ok := expand(sub)
			if !ok || len(all)*len(some) > maxAlternatives {
				return nil, false
			}
			var longer [][]step
			for _, head := range all {
				for _, tail := range some {
					longer = append(longer, append(append([]step(nil), head...), tail...))
				}
			}
			all = longer
		}
		return all, true
	}
	return nil, false
}

// repeat expands the repetition of what is one byte long.
func repeat(re *syntax.Regexp, min, max int) ([][]step, bool) {
	some, ok := expand(re)
	if !ok || len(some) != 1 || len(some[0]) != 1 || some[0][0].min != 1 || some[0][0].max != 1 {
		return nil, false
	}
	return [][]step{{{set: some[0][0].set, min: min, max: max}}}, true
}

// class returns the step of one byte out of ranges of runes.
func class(ranges []rune) (step, bool) {
	st := step{min: 1, max: 1}
	for i := 0; i+1 < len(ranges); i += 2 {
		if ranges[i+1] > unicode.MaxASCII {
			return step{}, false
		}
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			st.set[r] = true
		}
	}
	return st, true
}

// greedy reports whether it is never wrong for a step to take all it can: whatever may follow a step of variable
// length begins with a byte that the step would not take.
func greedy(steps []step) bool {
	var next byteSet // what may come after the step
	for i := len(steps) - 1; i >= 0; i-- {
		st := &steps[i]
		for c := range st.set {
			if st.set[c] && next[c] && st.min != st.max {
				return false
			}
			next[c] = st.set[c] || st.min == 0 && next[c]
		}
	}
	return true
}
