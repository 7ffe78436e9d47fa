package report

import (
	"regexp"
	"slices"
	"testing"
)

var verb = regexp.MustCompile(`%[.0-9]*[a-z]`)

// TestWords: both languages say the same things, about the same things in the same
// order, and templates and code ask for nothing else.
func TestWords(t *testing.T) {
	for key, text := range english {
		other, ok := malay[key]
		if !ok {
			t.Errorf("Malay lacks %q", key)
			continue
		}
		if a, b := verb.FindAllString(text, -1), verb.FindAllString(other, -1); !slices.Equal(a, b) {
			t.Errorf("%s: English has %v, Malay %v", key, a, b)
		}
	}
	for key := range malay {
		if _, ok := english[key]; !ok {
			t.Errorf("English lacks %q", key)
		}
	}
	for _, match := range regexp.MustCompile(`t "([a-z0-9.]+)"`).FindAllStringSubmatch(htmlReport+textReport, -1) {
		if _, ok := english[match[1]]; !ok {
			t.Errorf("a template asks for %q", match[1])
		}
	}
}
