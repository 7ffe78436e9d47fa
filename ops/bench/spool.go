package bench

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
)

// spool is what an operator will publish, signed, in a file: lengths (4 bytes,
// little endian) and envelopes, recorders taking turns.
type spool struct {
	path string
	n    int
	// lines1 are the digests of the envelopes' first lines, which leaves carry.
	lines1 []events.Digest
}

// spools signs n envelopes in all, shared out among the parties.
func spools(dir string, parties []*party, n, eventsEach int) ([]*spool, error) {
	all := make([]*spool, len(parties))
	var group errgroup.Group
	for i, p := range parties {
		all[i] = &spool{path: filepath.Join(dir, p.name+".spool"), n: (n + i) / len(parties)}
		group.Go(func() error {
			if err := all[i].write(p, eventsEach); err != nil {
				return fmt.Errorf("sign what %s publishes: %w", p.name, err)
			}
			return nil
		})
	}
	return all, group.Wait()
}

func (s *spool) write(p *party, eventsEach int) error {
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	w := &eventWriter{random: rand.NewChaCha8(sha256.Sum256([]byte(p.name))), at: time.Now().UTC().Truncate(time.Millisecond)}
	w.choice = rand.New(w.random)
	last := make([]events.Digest, len(p.recorders))
	s.lines1 = make([]events.Digest, s.n)
	for k := range s.n {
		turn := k % len(p.recorders)
		first := uint64(k/len(p.recorders)*eventsEach) + 1
		envelope, err := w.envelope(p.recorders[turn], first, last[turn], eventsEach, p.signer)
		if err != nil {
			return errors.Join(err, f.Close())
		}
		last[turn] = envelope.ManifestDigest()
		s.lines1[k] = events.DigestOf(envelope.Line1())
		body := envelope.Marshal()
		out.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(body))))
		out.Write(body)
	}
	return errors.Join(out.Flush(), f.Close())
}

// open returns a function that reads one envelope after the other, and io.EOF
// after the last.
func (s *spool) open() (next func() ([]byte, error), done func() error, err error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, nil, err
	}
	in := bufio.NewReaderSize(f, 1<<20)
	next = func() ([]byte, error) {
		var length [4]byte
		if _, err := io.ReadFull(in, length[:]); err != nil {
			return nil, err
		}
		body := make([]byte, binary.LittleEndian.Uint32(length[:]))
		_, err := io.ReadFull(in, body)
		return body, err
	}
	return next, f.Close, nil
}

// eventWriter makes access events like those of a bastion: some 700 bytes, people and
// machines recurring, digests and nonces all different. Nothing of it is secret,
// so its randomness is not either.
type eventWriter struct {
	random *rand.ChaCha8
	choice *rand.Rand
	at     time.Time
	ids    uint64
}

func (w *eventWriter) envelope(r events.Recorder, first uint64, previous events.Digest, n int, signer *events.Signer) (*events.Envelope, error) {
	lines := make([][]byte, n)
	for i := range lines {
		event, err := w.event(r)
		if err == nil {
			lines[i], err = event.Marshal()
		}
		if err != nil {
			return nil, err
		}
	}
	m := &events.Manifest{Recorder: r, Incarnation: 1, First: first, Previous: previous}
	return events.Seal(m, lines, signer)
}

func (w *eventWriter) event(r events.Recorder) (*events.Event, error) {
	w.ids++
	w.at = w.at.Add(time.Duration(1+w.choice.IntN(5)) * time.Millisecond)
	countries := []string{"IE", "IN", "US", "MY", "PL"}
	country := pick(w, countries)
	data := events.AccessPerformed{
		Session: fmt.Sprintf("s-%06d", w.choice.IntN(5000)),
		Actor: events.Actor{
			ID: fmt.Sprintf("p-%05d", w.choice.IntN(800)), Kind: events.KindPerson, Party: events.PartyParent,
			EmployerCountry: "US", OfficeCountry: pick(w, countries), PhysicalCountry: country,
			SD: []string{w.digest64(), w.digest64()},
		},
		Operation: pick(w, []string{"kvm.console.attach", "ssh.exec", "volume.snapshot.read", "firmware.update", "vm.migrate"}),
		Resource:  &events.Resource{Kind: "hypervisor", Digest: w.digestHex()},
		Access:    pick(w, []events.Access{events.AccessRead, events.AccessWrite, events.AccessAdmin}),
		Outcome:   events.OutcomeSuccess,
		Reason:    events.Reason{Code: pick(w, []events.ReasonCode{events.ReasonProductionAlert, events.ReasonOperatorMaintenance})},
		Mode:      events.ModeRemote,
		From:      events.From{Country: country, Network: "corporate"},
		Region:    "my-central-1",
	}
	return vocabulary.AccessPerformed.Of(data).Event(r, vocabulary.Attributes{
		ID: fmt.Sprintf("%s-%012d", r.Name, w.ids), Subject: fmt.Sprintf("host-%04d", w.choice.IntN(2000)), Time: w.at, Random: w.random,
	})
}

func pick[T any](w *eventWriter, from []T) T { return from[w.choice.IntN(len(from))] }

func (w *eventWriter) bytes32() []byte {
	var b [32]byte
	w.random.Read(b[:])
	return b[:]
}

func (w *eventWriter) digest64() string  { return base64.RawURLEncoding.EncodeToString(w.bytes32()) }
func (w *eventWriter) digestHex() string { return "sha256:" + hex.EncodeToString(w.bytes32()) }
