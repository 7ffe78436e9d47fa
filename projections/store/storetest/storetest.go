// Package storetest holds what every backend of views' rows must do. What is expected
// comes from a model of slices and loops, and from cases written by hand, not from
// another backend.
//
// Not here: anything that is linked into a program.
package storetest

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/saksi-ledger/saksi/projections/store"
)

// Harness makes backends of one kind.
type Harness struct {
	// New returns a backend on a new place.
	New func(t testing.TB) store.Backend
	// Open returns a backend on the place of another, which its String names. Nil where
	// the kind isn't shared.
	Open func(place string) store.Backend
	// Damage changes what is stored of the live generation, which nobody has open. Nil
	// where nothing is stored.
	Damage func(t testing.TB, place string)
}

// Run runs all tests. Its caller must do nothing before it: the process is started again
// to be killed.
func Run(t *testing.T, h Harness) {
	if place := os.Getenv(crashPlace); place != "" {
		crashChild(t, h.Open(place))
		return
	}
	if shared := h.New(t).Shared(); shared != (h.Open != nil) {
		t.Fatalf("Shared is %v, and whether Open is there %v", shared, h.Open != nil)
	}
	for _, test := range []struct {
		name string
		run  func(t *testing.T, h Harness)
	}{
		{"Model", testModel},
		{"Versions", testVersions},
		{"Conditions", testConditions},
		{"Pages", testPages},
		{"Grouping", testGrouping},
		{"Zone", testZone},
		{"Crowded", testCrowded},
		{"BadQueries", testBadQueries},
		{"Commit", testCommit},
		{"Roots", testRoots},
		{"Snapshot", testSnapshot},
		{"Locks", testLocks},
		{"Generations", testGenerations},
		{"Unusable", testUnusable},
		{"Swapping", testSwapping},
		{"OtherLayout", testOtherLayout},
		{"Damage", testDamage},
		{"OtherProcess", testOtherProcess},
		{"Crash", testCrash},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, h) })
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fataler is a test, or a run of one by rapid.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func check(t fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// opened is a backend with its holder and writer.
type opened struct {
	store.Backend
	holder store.Holder
	writer store.Writer
	reader store.Reader
}

// open opens a backend for writing, with the layout that most tests use.
func open(t testing.TB, b store.Backend) *opened {
	t.Helper()
	o := &opened{Backend: b}
	var err error
	o.holder, err = b.Acquire(t.Context(), layout())
	must(t, err)
	o.writer, err = o.holder.Open(t.Context())
	must(t, err)
	o.reader = b.Reader(layout())
	t.Cleanup(func() { must(t, o.close()) })
	return o
}

// close may be called again.
func (o *opened) close() error {
	var err error
	if o.reader != nil {
		err = o.reader.Close()
	}
	if o.writer != nil {
		err = errors.Join(err, o.writer.Close())
	}
	if o.holder != nil {
		err = errors.Join(err, o.holder.Close())
	}
	o.reader, o.writer, o.holder = nil, nil, nil
	return err
}

// hinted fails unless an error wraps another and says what to do.
func hinted(t testing.TB, err, want error) {
	t.Helper()
	var hint interface{ Hint() string }
	if !errors.Is(err, want) || !errors.As(err, &hint) || hint.Hint() == "" {
		t.Fatalf("%v: want an error that wraps %q and says what to do", err, want)
	}
}

// versions returns all that a Select gives, in one page.
func versions(ctx context.Context, s store.Snapshot, q store.Select) ([]store.Version, error) {
	if q.Limit == 0 {
		q.Limit = 1 << 20
	}
	var list []store.Version
	err := s.Versions(ctx, &q, func(v store.Version) error {
		list = append(list, v)
		return nil
	})
	return list, err
}

func keys(list []store.Version) []string {
	var keys []string
	for _, v := range list {
		keys = append(keys, v.Key)
	}
	return keys
}
