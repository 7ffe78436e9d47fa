package timestamp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/countersign/timestamp"
)

// TestTimestampsAfterAFault: what a process left half-done, or what was damaged since, is
// no timestamp, and the next one is right again.
func TestTimestampsAfterAFault(t *testing.T) {
	_, authority := newLiar(t)
	for name, fault := range map[string]func(t *testing.T, base string){
		"ended after the note": func(t *testing.T, base string) { remove(t, base+".tst") },
		"cut short":            func(t *testing.T, base string) { change(t, base+".tst", func(b []byte) []byte { return b[:len(b)/2] }) },
		"over another note": func(t *testing.T, base string) {
			change(t, base+".note", func(b []byte) []byte { return append(b, "— x y\n"...) })
		},
		"without its note": func(t *testing.T, base string) { remove(t, base+".note") },
		"a file half written": func(t *testing.T, base string) {
			if err := os.WriteFile(base+".tst-1234", []byte("half"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			size := s.grow(2)
			stamper, stop := s.run(authority)
			s.until("the first is recorded", func() bool { return len(s.recorded()) == 1 && stamper.Status()[0].Size >= size })
			stop()
			first := s.recorded()[0]
			base := filepath.Join(s.dir, authority.Trusted.Name, fmt.Sprintf("%020d", uint64(first.Size)))
			fault(t, base)
			size = s.grow(1)
			stamper, stop = s.run(authority)
			if name == "without its note" { // which is said, until somebody looks
				s.until("it says so", func() bool { return stamper.Status()[0].Error != "" })
				stop()
				remove(t, base+".tst")
				stamper, _ = s.run(authority)
			}
			s.until("the next is kept and recorded", func() bool {
				all := s.recorded()
				return stamper.Status()[0].Size >= size && uint64(all[len(all)-1].Size) >= size
			})
			all := s.recorded()
			s.kept(authority, uint64(all[len(all)-1].Size))
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func change(t *testing.T, path string, how func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, how(bytes.Clone(b)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestRecordFails: a timestamp that the ledger doesn't take is offered again, and a ledger
// that has failed ends it.
func TestRecordFails(t *testing.T) {
	_, authority := newLiar(t)
	s := newSite(t)
	s.grow(1)
	tries := 0
	failing := errors.New("not now")
	stamper, err := timestamp.New(timestamp.Config{
		Dir: s.dir, Authorities: []timestamp.Authority{authority}, Log: s.Log, Reader: s.reader, Interval: 10 * time.Millisecond,
		Record: func(ctx context.Context, r events.TimestampRecorded) error {
			switch tries++; tries {
			case 1:
				return failing
			case 2: // it was taken, and only the answer failed
				s.must(s.Ledger.RecordTimestamp(ctx, r))
				return failing
			case 3:
				return s.Ledger.RecordTimestamp(ctx, r)
			}
			return fmt.Errorf("the disk is gone: %w", ledger.ErrFatal)
		},
	})
	s.must(err)
	done := make(chan error, 1)
	go func() { done <- stamper.Run(t.Context()) }()
	s.until("it is recorded", func() bool { return len(s.recorded()) == 2 })
	all := s.recorded()
	if all[0].Token != all[1].Token {
		t.Errorf("two tokens for one: %+v", all)
	}
	s.grow(1)
	if err := <-done; !errors.Is(err, ledger.ErrFatal) {
		t.Errorf("it ended with %v", err)
	}
}
