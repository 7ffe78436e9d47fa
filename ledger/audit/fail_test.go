package audit

import (
	"strings"
	"testing"
)

// TestFailureIsBounded: a line for people doesn't hold a whole tile in hexadecimal; a
// digest stays whole.
func TestFailureIsBounded(t *testing.T) {
	a := &auditor{report: &Report{}}
	digest := strings.Repeat("0f", 32)
	a.fail("tile %s, sha256:%s", strings.Repeat("ab", 4000), digest)
	if got, want := a.report.Failures[0], "tile abababababababababababababababab… (8000 hexadecimal digits), sha256:"+digest; got != want {
		t.Errorf("%s", got)
	}
}
