package main

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// bar shows progress on a terminal, and nothing elsewhere.
type bar struct{ b *progressbar.ProgressBar }

func newBar(w io.Writer, what string, total int64, bytes bool) *bar {
	if terminalWidth(w) == 0 {
		return &bar{}
	}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what), progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100 * time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30),
	}
	if bytes {
		options = append(options, progressbar.OptionShowBytes(true))
	}
	return &bar{progressbar.NewOptions64(max(total, 1), options...)}
}

func (b *bar) set(n, total int64) {
	if b.b != nil {
		if total > 0 && total != b.b.GetMax64() {
			b.b.ChangeMax64(total)
		}
		b.b.Set64(n)
	}
}

func (b *bar) done() {
	if b.b != nil {
		b.b.Finish()
	}
}

// steps shows the progress of one thing after the other.
type steps struct {
	w    io.Writer
	what string
	bar  *bar
}

func newSteps(w io.Writer) *steps { return &steps{w: w, bar: &bar{}} }

func (s *steps) set(what string, done, total int) {
	if what != s.what {
		s.bar.done()
		s.what, s.bar = what, newBar(s.w, what, int64(total), false)
	}
	s.bar.set(int64(done), int64(total))
}

func (s *steps) done() { s.bar.done() }
