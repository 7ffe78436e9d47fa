package hint

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

func TestHints(t *testing.T) {
	if With(nil, "do") != nil || Of(nil) != "" || Of(fs.ErrNotExist) != "" {
		t.Error("there is a hint, or an error, of none")
	}
	err := fmt.Errorf("outside: %w", Withf(fs.ErrNotExist, "look in %s", "there"))
	if !errors.Is(err, fs.ErrNotExist) || Of(err) != "look in there" || err.Error() != "outside: file does not exist" {
		t.Errorf("%v, hint %q", err, Of(err))
	}
	if outer := With(err, "look here"); Of(outer) != "look here" {
		t.Errorf("the hint is %q: want the outermost", Of(outer))
	}
}

// The distances are those that a dictionary of the method gives (Damerau, 1964;
// optimal string alignment).
func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"veiw", "view", 1}, {"ca", "abc", 3}, {"Lab-1", "lab-1", 0}, {"saturday", "sunday", 3},
		{strings.Repeat("a", 100), strings.Repeat("a", 80), 0},
	} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %d, want %d", c.a, c.b, got, c.want)
		}
		if Distance(c.a, c.b) != Distance(c.b, c.a) {
			t.Errorf("%q and %q: the distance back is another", c.a, c.b)
		}
	}
}

func TestNearest(t *testing.T) {
	for _, c := range []struct {
		name  string
		among []string
		want  string
	}{
		{"veiw", []string{"verify", "view", "version"}, "did you mean view?"},
		{"jhb", []string{"jhb-1", "kul-2"}, "did you mean jhb-1?"},
		{"touch", []string{"touches", "sessions"}, "did you mean touches?"},
		{"lab-9", []string{"lab-1", "lab-2", "lab-3", "lab-4"}, "did you mean lab-1, lab-2 or lab-3?"},
		{"xyzzy", []string{"touches", "sessions"}, ""},
		{"", []string{"touches"}, ""},
		{"a", nil, ""},
	} {
		if got := DidYouMean(c.name, c.among); got != c.want {
			t.Errorf("%q among %v: %q, want %q", c.name, c.among, got, c.want)
		}
	}
}
