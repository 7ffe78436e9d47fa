package disclosures_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/saksi-ledger/saksi/events/disclosed"
	"github.com/saksi-ledger/saksi/ops/disclosures"
)

// open returns what of all that is kept an identity opens, by event.
func (w *world) open(identity *age.X25519Identity) map[string]int {
	w.Helper()
	all, err := w.All(w.ctx())
	w.must(err)
	out := map[string]int{}
	for _, stored := range all {
		m, err := disclosed.Parse(stored.Message)
		if err != nil {
			continue
		}
		if _, err := m.Open(identity); err == nil {
			out[m.ID]++
		}
	}
	return out
}

// However much garbage says to be for the old identity, the rest is encrypted anew.
func TestReencryptPastGarbage(t *testing.T) {
	w := newWorld(t)
	own := w.identity.Recipient().String()
	var garbage [][]byte
	for i := range 150 {
		text, err := (&disclosed.Message{V: 1, Recorder: operator + "/lab-1/badges", ID: fmt.Sprintf("garbage-%d", i), Recipients: []string{own}, Ciphertext: []byte("age")}).Marshal()
		w.must(err)
		garbage = append(garbage, text)
	}
	other, err := age.GenerateX25519Identity()
	w.must(err)
	w.send("lab-1", "p-1", garbage...)
	w.send("lab-1", "p-1", []byte("no message at all"), w.sealed("a", "Ana"), w.sealed("b", "Ben", other.Recipient().String()))
	// It names a recipient that is none: whoever else it is for goes on reading it.
	m, err := disclosed.Parse(w.sealed("c", "Cai"))
	w.must(err)
	m.Recipients = append(m.Recipients, "nobody")
	text, err := m.Marshal()
	w.must(err)
	w.send("lab-1", "p-1", text)

	next, err := age.GenerateX25519Identity()
	w.must(err)
	done, err := w.Reencrypt(w.ctx(), w.identity, next.Recipient().String())
	w.must(err)
	if done.Done != 3 || done.Failed != 150 || len(done.Named) != 100 || !strings.Contains(done.Named[0], "garbage-0") {
		t.Errorf("%d done, %d failed, %d named", done.Done, done.Failed, len(done.Named))
	}
	if got := w.open(next); len(got) != 3 || got["a"] != 1 || got["b"] != 1 || got["c"] != 1 {
		t.Errorf("the next identity opens %v", got)
	}
	if got := w.open(w.identity); len(got) != 0 {
		t.Errorf("the old identity opens %v", got)
	}
	if got := w.open(other); len(got) != 1 || got["b"] != 1 {
		t.Errorf("the other recipient opens %v", got)
	}
}

// Each write fails, after it took effect and before, and doing it again comes to the same:
// each message once, received when it was.
func TestReencryptFaults(t *testing.T) {
	for _, kind := range []string{"publish", "remove"} {
		for _, persisted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, persisted %v", kind, persisted), func(t *testing.T) {
				w := newWorld(t)
				ids := []string{"a", "b", "c", "d"}
				for _, id := range ids {
					w.send("lab-1", "p-1", w.sealed(id, id))
				}
				before, err := w.All(w.ctx())
				w.must(err)
				next, err := age.GenerateX25519Identity()
				w.must(err)
				w.FailNth(kind, 3, persisted)
				if _, err := w.Reencrypt(w.ctx(), w.identity, next.Recipient().String()); !errors.Is(err, disclosures.ErrFault) {
					t.Fatalf("it did not fail: %v", err)
				}
				for _, id := range ids {
					if w.open(w.identity)[id]+w.open(next)[id] == 0 {
						t.Errorf("%s is lost", id)
					}
				}
				_, err = w.Reencrypt(w.ctx(), w.identity, next.Recipient().String())
				w.must(err)
				after, err := w.All(w.ctx())
				w.must(err)
				if got := w.open(next); len(got) != len(ids) || len(after) != len(ids) || len(w.open(w.identity)) != 0 {
					t.Errorf("%v of %d messages", got, len(after))
				}
				for i := range after {
					if !after[i].Received.Equal(before[i].Received) {
						t.Errorf("message %d was received at %v, and now at %v", i, before[i].Received, after[i].Received)
					}
				}
			})
		}
	}
}

// By headers alone an authority moves what is for it: each write fails, after it took
// effect and before, and doing it again comes to the same.
func TestRewrap(t *testing.T) {
	for _, kind := range []string{"none", "publish", "remove"} {
		for _, persisted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, persisted %v", kind, persisted), func(t *testing.T) {
				w := newWorld(t)
				other, err := age.GenerateX25519Identity()
				w.must(err)
				for _, id := range []string{"a", "b", "c", "d"} {
					w.send("lab-1", "p-1", w.sealed(id, id, other.Recipient().String()))
				}
				w.send("lab-1", "p-1", []byte("no message"))
				before, err := w.All(w.ctx())
				w.must(err)
				next, err := age.GenerateX25519Identity()
				w.must(err)
				move := func() (done int, err error) {
					page, more, err := w.Headers(w.ctx(), w.identity.Recipient().String(), 0)
					w.must(err)
					if more != 0 {
						t.Fatal("there is another page")
					}
					for _, h := range page {
						if h.Header, err = disclosed.Rewrap(h.Header, w.identity, next); err != nil {
							t.Fatal(err)
						}
						if err := w.Rewrap(w.ctx(), w.identity.Recipient().String(), next.Recipient().String(), h); err != nil {
							return done, err
						}
						done++
					}
					return done, nil
				}
				w.FailNth(kind, 2, persisted)
				if done, err := move(); kind == "none" && (err != nil || done != 4) || kind != "none" && !errors.Is(err, disclosures.ErrFault) {
					t.Fatalf("%d, %v", done, err)
				}
				_, err = move()
				w.must(err)
				after, err := w.All(w.ctx())
				w.must(err)
				if len(w.open(next)) != 4 || len(w.open(other)) != 4 || len(w.open(w.identity)) != 0 || len(after) != len(before) {
					t.Errorf("of %d messages the next identity opens %v, the other %v, the old one %v", len(after), w.open(next), w.open(other), w.open(w.identity))
				}
			})
		}
	}
}

// A header is put on the message that it is of, and on no other.
func TestRewrapRefuses(t *testing.T) {
	w := newWorld(t)
	w.send("lab-1", "p-1", w.sealed("a", "Ana"), w.sealed("b", "Ben"))
	own := w.identity.Recipient().String()
	page, _, err := w.Headers(w.ctx(), own, 0)
	w.must(err)
	next, err := age.GenerateX25519Identity()
	w.must(err)
	again, err := disclosed.Rewrap(page[0].Header, w.identity, next)
	w.must(err)
	to := next.Recipient().String()
	for name, h := range map[string]disclosures.Header{
		"another message": {Place: page[1].Place, Message: page[0].Message, Header: again},
		"no header":       {Place: page[0].Place, Message: page[0].Message},
	} {
		if err := w.Rewrap(w.ctx(), own, to, h); err == nil {
			t.Errorf("%s is taken", name)
		} else if _, ok := errors.AsType[*disclosures.HeaderError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.must(w.Rewrap(w.ctx(), own, to, disclosures.Header{Place: 1 << 40, Message: page[0].Message, Header: again}))
	if got := w.open(w.identity); len(got) != 2 {
		t.Errorf("the old identity opens %v", got)
	}
}
