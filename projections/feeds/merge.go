package feeds

import (
	"cmp"
	"context"
	"fmt"

	"github.com/saksi-ledger/saksi/projections"
)

// Source is where changes come from: a [projections.Store], or anything like it.
type Source interface {
	// Position is how far the views have come.
	Position(ctx context.Context) (projections.Position, error)
	// Changes returns a view's changes after the given number, in their order and
	// without gaps, at most limit.
	Changes(ctx context.Context, view string, after uint64, limit int) ([]projections.Change, error)
}

// page is how many changes of a view are read at a time.
const page = 256

// merger reads the changes of several views in one order: by leaf, then view, then
// number.
type merger struct {
	source  Source
	size    uint64 // only changes of leaves below it: they are there for every view
	streams []*changes
}

type changes struct {
	view   View
	after  uint64 // the number of the last that was read
	read   []projections.Change
	atEnd  bool // there were no more when it was last read
	number int  // of the view in the order of names
}

// newMerger starts after what is published. views are ordered by name.
func newMerger(source Source, size uint64, views []View, after func(view string) uint64) *merger {
	m := &merger{source: source, size: size}
	for i, v := range views {
		m.streams = append(m.streams, &changes{view: v, after: after(v.Name), number: i})
	}
	return m
}

// next returns the next change, or false if there is none below size.
func (m *merger) next(ctx context.Context) (View, projections.Change, bool, error) {
	var best *changes
	for _, s := range m.streams {
		if err := s.fill(ctx, m.source); err != nil {
			return View{}, projections.Change{}, false, err
		}
		if len(s.read) == 0 || s.read[0].Leaf >= m.size {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(s.read[0].Leaf, best.read[0].Leaf), cmp.Compare(s.number, best.number)) < 0 {
			best = s
		}
	}
	if best == nil {
		return View{}, projections.Change{}, false, nil
	}
	c := best.read[0]
	best.read = best.read[1:]
	return best.view, c, true, nil
}

func (s *changes) fill(ctx context.Context, source Source) error {
	if len(s.read) > 0 || s.atEnd {
		return nil
	}
	read, err := source.Changes(ctx, s.view.Name, s.after, page)
	if err != nil {
		return fmt.Errorf("read changes of view %s after %d: %w", s.view.Name, s.after, err)
	}
	for _, c := range read {
		if c.Number <= s.after {
			return fmt.Errorf("read changes of view %s after %d: change %d came", s.view.Name, s.after, c.Number)
		}
		s.after = c.Number
	}
	s.read, s.atEnd = read, len(read) < page
	return nil
}
