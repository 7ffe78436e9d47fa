package projections

import (
	"context"
	"fmt"
	"time"
)

// viewRunner is a view with what it wrote.
type viewRunner struct {
	view   *View
	tx     *Tx
	rows   []*rows
	values []*values
}

// all shows facts to one view.
func (s *viewRunner) all(ctx context.Context, facts []*Fact) error {
	s.tx.ctx = ctx
	for _, f := range facts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.one(f); err != nil {
			return fmt.Errorf("view %s: leaf %d%s: %w", s.view.Name, f.Index, of(f), err)
		}
	}
	return nil
}

// of names a leaf's events in an error.
func of(f *Fact) string {
	switch n := len(f.Events); n {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(", event %s (%s)", f.Events[0].Ref, f.Events[0].Type)
	default:
		return fmt.Sprintf(", events %s to %s", f.Events[0].Ref, f.Events[n-1].Ref)
	}
}

func (s *viewRunner) one(f *Fact) error {
	s.tx.now, s.tx.leaf = f.Now, f.Index
	for {
		t, ok := s.tx.timers.next(f.Now)
		if !ok {
			break
		}
		if s.view.Due == nil {
			continue
		}
		s.tx.firing = &t
		if err := s.view.Due(s.tx, t.key, t.due); err != nil {
			return fmt.Errorf("timer %q of %s: %w", t.key, t.due.Format(time.RFC3339), err)
		}
	}
	s.tx.firing = nil
	s.tx.timers.endRound()
	if s.view.Leaf != nil {
		if err := s.view.Leaf(s.tx, f); err != nil {
			return err
		}
	}
	for _, r := range s.rows {
		r.endLeaf(f.Index)
	}
	return nil
}

func (s *viewRunner) committed() {
	for _, r := range s.rows {
		r.committed()
	}
	for _, v := range s.values {
		v.committed()
	}
	clear(s.tx.timers.dirty)
}
