package cmdline

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Bar shows progress on a terminal, and nothing elsewhere.
type Bar struct{ b *progressbar.ProgressBar }

// NewBar returns a bar of what is counted to total, in bytes if so. With a total of 0 it is
// not known yet.
func NewBar(w io.Writer, what string, total int64, bytes bool) *Bar {
	if !IsTerminal(w) {
		return &Bar{}
	}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what), progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100 * time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30),
	}
	if bytes {
		options = append(options, progressbar.OptionShowBytes(true))
	}
	return &Bar{progressbar.NewOptions64(max(total, 1), options...)}
}

// Set shows that n of total are done; a total of 0 leaves it as it was.
func (b *Bar) Set(n, total int64) {
	if b.b != nil {
		if total > 0 && total != b.b.GetMax64() {
			b.b.ChangeMax64(total)
		}
		b.b.Set64(n)
	}
}

// Done takes the bar away.
func (b *Bar) Done() {
	if b.b != nil {
		b.b.Finish()
	}
}

// Steps shows the progress of one thing after the other.
type Steps struct {
	w    io.Writer
	what string
	bar  *Bar
}

// NewSteps returns what shows nothing yet.
func NewSteps(w io.Writer) *Steps { return &Steps{w: w, bar: &Bar{}} }

// Set shows how far one thing is.
func (s *Steps) Set(what string, done, total int) {
	if what != s.what {
		s.bar.Done()
		s.what, s.bar = what, NewBar(s.w, what, int64(total), false)
	}
	s.bar.Set(int64(done), int64(total))
}

// Done takes away what is shown.
func (s *Steps) Done() { s.bar.Done() }
