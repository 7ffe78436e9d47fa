// Package audit checks a whole ledger again, and believes only the auditor's trust file.
//
// It checks that every leaf is under the signed root, that every body is what its leaf
// says, that every verdict is the one that the rules give, and that the order of the
// stream was kept. It reads a ledger's own directory, or a copy that package mirror
// made.
//
// It checks that every leaf is under the signed root, that every body is what its leaf
// says, that every verdict is the one that the rules give, and that the order of the
// stream was kept. It reads a ledger's own directory, or a copy that package mirror
// made.
//
// It checks that every leaf is under the signed root, that every body is what its leaf
// says, that every verdict is the one that the rules give, and that the order of the
// stream was kept. It reads a ledger's own directory, or a copy that package mirror
// made.
//
// It checks that every leaf is under the signed root, that every body is what its leaf
// says, that every verdict is the one that the rules give, and that the order of the
// stream was kept. It reads a ledger's own directory, or a copy that package mirror
// made.
//
// It checks that every leaf is under the signed root, that every body is what its leaf
// says, that every verdict is the one that the rules give, and that the order of the
// stream was kept. It reads a ledger's own directory, or a copy that package mirror
// made.
//
// It checks that every leaf is under the signed root, that every body is what its leaf
// says, that every verdict is the one that the rules give, and that the order of the
// stream was kept. It reads a ledger's own directory, or a copy that package mirror
// made.
//
// It reads what a ledger wrote, or a copy of it that package mirror made, and holds no
// server and no network.
//
// Not here: fetching a ledger, which is in ledger/mirror, and sentences for people.
// There is no server and no network here.
package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/mirror"
	"github.com/saksi-ledger/saksi/ledger/succession"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// MaxFailures is how many failures are told of; an audit ends when it has found
// them.
const MaxFailures = 20

// Report is what an audit found.
type Report struct {
	Origin     string    `json:"origin"`
	Leaves     uint64    `json:"leaves"`
	Root       tlog.Hash `json:"root"`
	Accepted   uint64    `json:"accepted"` // envelopes
	Events     uint64    `json:"events"`   // in them
	Duplicates uint64    `json:"duplicates"`
	Rejected   uint64    `json:"rejected"`
	Epochs     uint64    `json:"epochs"`
	// Signatures and Verdicts were checked and recomputed.
	Signatures uint64 `json:"signatures"`
	Verdicts   uint64 `json:"verdicts"`
	// Erased counts what is no longer there because a leaf orders so, Expired what is
	// because its retention is over: events, and rejected messages. Their signatures and
	// numbers were checked as far as line 1 tells; that they satisfied their schemas, or
	// why they were rejected, can't be recomputed. Partial counts the verdicts that
	// therefore rest on what remains.
	Erased  uint64 `json:"erased"`
	Expired uint64 `json:"expired"`
	Partial uint64 `json:"partial"`
	// Withheld counts the bodies that a copy doesn't have, because the mandate by which
	// it was made doesn't cover them. NotRecomputed counts the verdicts that therefore
	// couldn't be recomputed, by [Reason].
	Withheld      uint64            `json:"withheld"`
	NotRecomputed map[Reason]uint64 `json:"notRecomputed,omitempty"`
	// Chains says how recorders' own numbering goes on. What is broken there is their
	// doing, and no failure of the ledger's.
	Chains Chains `json:"chains"`
	// Anchors, Timestamps and Cosigned are what Rekors, timestamp authorities and witnesses hold
	// of the tree.
	Anchors    Countersigned `json:"anchors"`
	Timestamps Countersigned `json:"timestamps"`
	Cosigned   Cosigned      `json:"cosigned"`
	// Predecessor is the tree before this one, where its registry was taken over.
	Predecessor *Predecessor `json:"predecessor,omitempty"`
	// Compared says how that compares with the tree before, where both were there.
	Compared *succession.Comparison `json:"compared,omitempty"`
	// Codes counts rejections.
	Codes   map[string]uint64 `json:"codes,omitempty"`
	Seconds float64           `json:"seconds"`
	// Fetched says what came to be audited, where it came from elsewhere.
	Fetched *mirror.Fetched `json:"fetched,omitempty"`
	// Overdue are leaves of which a copy has what an order in the registry has had erased:
	// the ledger may have less by now ([mirror.Copy.Refresh]).
	Overdue []uint64 `json:"overdue,omitempty"`
	// Forgotten counts those of them that were erased from the copy then.
	Forgotten int `json:"forgotten,omitempty"`
	// Failures say what does not hold. None means that everything does.
	Failures []string `json:"failures"`
}

// Predecessor says what was taken over from the tree before the one that is audited.
type Predecessor struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"` // at the checkpoint that the genesis holds
	// Acts counts those that say at which of its leaves they were said before.
	Acts int `json:"acts"`
}

// Reason is why a verdict couldn't be recomputed.
type Reason string

// The reasons.
const (
	// BodyWithheld: the copy doesn't have the body.
	BodyWithheld Reason = "body_withheld"
	// RegistryWithheld: the leaf says something else than the rules do with as much of
	// the registry as the copy has, and it doesn't have all of it.
	RegistryWithheld Reason = "registry_withheld"
	// OriginalWithheld: it is said to repeat a leaf whose body the copy doesn't have.
	OriginalWithheld Reason = "original_withheld"
	// GenesisWithheld: the copy doesn't have the genesis, from which all else follows.
	GenesisWithheld Reason = "genesis_withheld"
)

// Directory audits the ledger in dir, which is an authority's home, a ledger's own
// directory, or a copy, up to its published checkpoint. progress may be nil. An error
// means that the audit could not be done; what does not hold is in the report.
func Directory(ctx context.Context, dir string, trust *verify.Trust, progress func(done, total uint64)) (*Report, error) {
	began := time.Now()
	if _, err := os.Stat(filepath.Join(dir, "ledger", "tree")); err == nil {
		dir = filepath.Join(dir, "ledger")
	}
	note, err := archive.ReadCheckpoint(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("audit %s: it is neither an authority's home nor a ledger's directory, nor a copy: %w", dir, err)
	} else if err != nil {
		return nil, err
	}
	trusted, checkpoint, err := trust.OpenCheckpoint(note)
	if errors.Is(err, verify.ErrUnknownLedger) {
		return nil, fmt.Errorf("audit %s: %w", dir, err)
	}
	report := &Report{Codes: map[string]uint64{}, NotRecomputed: map[Reason]uint64{}, Failures: []string{}}
	if err != nil {
		report.Failures = append(report.Failures, err.Error())
		return report, nil
	}
	report.Origin, report.Leaves, report.Root = checkpoint.Origin, checkpoint.Size, checkpoint.Root
	s, err := openSource(dir, trusted, checkpoint)
	if err != nil {
		report.Failures = append(report.Failures, err.Error())
		return report, nil
	}
	defer s.Close()
	a := &auditor{report: report, dir: dir, source: s, trust: trust, trusted: trusted, checkpoint: checkpoint, chains: map[events.Recorder]*chain{}}
	if err := a.run(ctx, progress); err != nil {
		return nil, err
	}
	report.Seconds = time.Since(began).Seconds()
	return report, nil
}

type auditor struct {
	report     *Report
	dir        string
	source     source
	trust      *verify.Trust
	trusted    *verify.TrustedLedger
	checkpoint *formats.Checkpoint

	admit    *admission.State // nil: the genesis is withheld
	last     *formats.Leaf
	tree     *compact.Range
	gone     gone
	blind    bool     // a leaf of the registry was withheld
	withheld []uint64 // a bit for each leaf
	chains   map[events.Recorder]*chain
	index    uint64     // of the leaf that is being judged
	anchored []string   // digests of entries, by the ledger's own word
	timed    []string   // and of tokens
	roots    []rootSaid // to be compared with the tree
}

func (a *auditor) fail(format string, args ...any) {
	text := longHex.ReplaceAllStringFunc(fmt.Sprintf(format, args...), func(digits string) string {
		return fmt.Sprintf("%s… (%d hexadecimal digits)", digits[:hexShown], len(digits))
	})
	a.report.Failures = append(a.report.Failures, text)
}

// longHex is what a library prints of bytes that aren't what they should be: a tile, say. A
// digest isn't as long.
var longHex = regexp.MustCompile(`[0-9a-fA-F]{129,}`)

// hexShown is how many digits of it are told.
const hexShown = 32

const (
	// bundleWidth is how many leaves are read together: one entry bundle of
	// https://c2sp.org/tlog-tiles.
	bundleWidth = 256
	// spanWidth and spanBytes are how many leaves, and what of bodies, are prepared
	// together: bundles until there is enough. The more signatures are checked
	// together, the less each costs.
	spanWidth = 8 * bundleWidth
	spanBytes = 8 << 20
)

// run goes through all leaves in order.
func (a *auditor) run(ctx context.Context, progress func(done, total uint64)) error {
	a.tree = (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	if !a.begin(ctx) {
		return nil
	}
	done := uint64(0)
	take := func(s *span) (more bool, err error) {
		if err := a.judge(s); err != nil {
			return false, err
		}
		done += uint64(len(s.leaves))
		if progress != nil {
			progress(done, a.checkpoint.Size)
		}
		return s.failure == "" && len(a.report.Failures) < MaxFailures, nil
	}
	// The first bundle alone, for the keys that a ledger begins with: a signature is
	// checked beforehand if its key is known by then.
	first := a.read(ctx, 0, bundleWidth)
	a.prepare(first)
	if more, err := take(first); !more || err != nil {
		return err
	}
	rest, stop := a.spans(ctx, done)
	defer stop()
	for s := range rest {
		if more, err := take(<-s); !more || err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	a.checkGrounds()
	a.findOverdue(ctx)
	if err := a.checkTiles(ctx); err != nil {
		a.fail("the tiles of the tree do not hold: %v", err)
	}
	root, err := a.tree.GetRootHash(nil)
	if err != nil || tlog.Hash(root) != a.checkpoint.Root {
		a.fail("the leaves do not have the root that the checkpoint of size %d signs", a.checkpoint.Size)
		return nil
	}
	return a.checkOutside(ctx)
}

// begin starts from the genesis, and compares it with the trust file's.
func (a *auditor) begin(ctx context.Context) bool {
	leaves, err := a.source.Entries(ctx, 0)
	if err != nil {
		a.fail("leaf 0 can't be read: %v", err)
		return false
	}
	if tlog.RecordHash(leaves[0]) != a.trusted.Genesis {
		a.fail("leaf 0 is not the genesis that the trust file names")
		return false
	}
	a.withheld = make([]uint64, (a.checkpoint.Size+63)/64)
	bodies, err := a.source.Bodies(ctx, 0, 1)
	if err == nil && bodies[0] == nil {
		return true
	}
	if err == nil {
		a.admit, _, err = admission.Start(bodies[0], newAccepted(ctx, a.source))
	}
	if err != nil {
		a.fail("the genesis can't be read: %v", err)
		return false
	}
	if a.admit.Registry.Genesis.Origin != a.checkpoint.Origin || a.admit.Registry.Genesis.LogKey != a.trusted.Key {
		a.fail("the genesis is of another ledger: %s", a.admit.Registry.Genesis.Origin)
	}
	if err := a.beginGone(ctx); err != nil {
		a.fail("%v", err)
		return false
	}
	return true
}

// span is some leaves with their bodies, ready to be judged when they are prepared.
type span struct {
	from       uint64
	raw        [][]byte
	leaves     []*formats.Leaf
	bodies     [][]byte
	candidates []*admission.Candidate
	failure    string
}

// spans reads all leaves from one on, and prepares the next ones while those before them
// are judged. When stop has returned nothing is read any more.
func (a *auditor) spans(ctx context.Context, from uint64) (_ <-chan chan *span, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	spans := make(chan chan *span)
	go func() {
		defer close(spans)
		for from < a.checkpoint.Size {
			s := a.read(ctx, from, spanWidth)
			from += uint64(len(s.leaves))
			prepared := make(chan *span, 1)
			go func() {
				a.prepare(s)
				prepared <- s
			}()
			select {
			case spans <- prepared:
			case <-ctx.Done():
				return
			}
			if s.failure != "" {
				return
			}
		}
	}()
	return spans, func() {
		cancel()
		for range spans { // until it is closed
		}
	}
}

// read reads whole bundles, until there are so many leaves, or enough of bodies, or one
// can't be read.
func (a *auditor) read(ctx context.Context, from uint64, width int) *span {
	s := &span{from: from}
	bytes := 0
	for len(s.leaves) < width && bytes < spanBytes && from < a.checkpoint.Size {
		raw, err := a.source.Entries(ctx, from)
		if err == nil && len(raw) == 0 {
			err = errors.New("its bundle is empty")
		}
		if err != nil {
			s.failure = fmt.Sprintf("leaf %d can't be read: %v", from, err)
			return s
		}
		bodies, missing := a.source.Bodies(ctx, from, len(raw))
		for i := range raw {
			leaf, err := formats.ParseLeaf(raw[i])
			switch {
			case err != nil:
				s.failure = fmt.Sprintf("leaf %d: %v", from+uint64(i), err)
				return s
			case i >= len(bodies):
				s.failure = missing.Error()
				return s
			}
			s.raw, s.leaves, s.bodies = append(s.raw, raw[i]), append(s.leaves, leaf), append(s.bodies, bodies[i])
			bytes += len(bodies[i])
		}
		from += uint64(len(raw))
	}
	return s
}

// prepare does what judging takes beforehand.
func (a *auditor) prepare(s *span) {
	if a.admit == nil {
		return
	}
	messages := make([]admission.Message, len(s.leaves))
	for i, leaf := range s.leaves {
		messages[i] = admission.Message{Subject: leaf.Subject, Body: s.bodies[i], Remains: leaf.Verdict != formats.Rejected}
	}
	s.candidates = a.admit.Rules().Prepare(messages)
}

func (a *auditor) judge(s *span) error {
	for i, leaf := range s.leaves {
		index := s.from + uint64(i)
		a.index = index
		if err := a.tree.Append(rfc6962.DefaultHasher.HashLeaf(s.raw[i]), nil); err != nil {
			return fmt.Errorf("audit: leaf %d: %w", index, err)
		}
		if a.admit == nil || s.bodies[i] == nil {
			a.withhold(index, leaf, s.bodies[i])
			continue
		}
		if a.isGone(index, leaf, s.candidates[i]) {
			a.follow(index, leaf, s.bodies[i])
			a.count(leaf, s.candidates[i])
			continue
		}
		verdict, err := a.admit.Judge(s.candidates[i], index)
		if err != nil {
			return fmt.Errorf("audit: leaf %d: %w", index, err)
		}
		again := verdict.Leaf(leaf.Epoch, leaf.Seq, leaf.Subject)
		again.Received = leaf.Received
		switch {
		case *again == *leaf:
			a.report.Verdicts++
		case leaf.Verdict == formats.Duplicate && leaf.Of < index && a.isWithheld(leaf.Of):
			a.report.NotRecomputed[OriginalWithheld]++
		case a.blind:
			a.report.NotRecomputed[RegistryWithheld]++
		default:
			a.report.Verdicts++
			a.fail("leaf %d says %s, and the rules say %s", index, describe(leaf), describe(again))
		}
		a.follow(index, leaf, s.bodies[i])
		a.count(leaf, s.candidates[i])
		if len(a.report.Failures) >= MaxFailures {
			return nil
		}
	}
	if s.failure != "" {
		a.fail("%s", s.failure)
	}
	return nil
}

func describe(l *formats.Leaf) string {
	switch l.Verdict {
	case formats.Accepted:
		return fmt.Sprintf("accepted, events %d to %d, %s", l.First, l.First+l.Count-1, l.Digest)
	case formats.Duplicate:
		return fmt.Sprintf("duplicate of leaf %d, %s", l.Of, l.Digest)
	}
	return fmt.Sprintf("rejected as %s, %s", l.Code, l.Digest)
}

// follow checks that leaves are in the order of the stream.
func (a *auditor) follow(index uint64, leaf *formats.Leaf, body []byte) {
	last := a.last
	a.last = leaf
	own := leaf.Subject == events.LedgerRecorder.Subject()
	switch {
	case last != nil && leaf.Epoch != last.Epoch:
		opened, ok := openedEpoch(body)
		if body == nil { // as much as the leaf says
			opened, ok = events.EpochOpened{Epoch: events.Integer(leaf.Epoch), ResumeSeq: events.Integer(leaf.Seq + 1)}, true
		}
		if !own || !ok || leaf.Epoch != last.Epoch+1 || uint64(opened.Epoch) != leaf.Epoch || uint64(opened.ResumeSeq) != leaf.Seq+1 {
			a.fail("leaf %d is of epoch %d after epoch %d, which no event of the ledger opened", index, leaf.Epoch, last.Epoch)
		}
	default:
		if broken := verify.Disorder(index, last, leaf); broken != "" {
			a.fail("%s", broken)
		}
	}
}

func openedEpoch(body []byte) (opened events.EpochOpened, ok bool) {
	envelope, err := events.ParseEnvelope(body)
	if err != nil {
		return opened, false
	}
	for _, line := range envelope.Lines {
		e, err := events.ParseEvent(line)
		if err == nil && e.Type == events.TypeEpochOpened {
			return opened, json.Unmarshal(e.Data, &opened) == nil
		}
	}
	return opened, false
}

func (a *auditor) count(leaf *formats.Leaf, c *admission.Candidate) {
	r := a.report
	r.Epochs = leaf.Epoch
	if c != nil && c.Envelope != nil {
		r.Signatures += uint64(len(c.Envelope.Signatures))
		if leaf.Verdict == formats.Accepted {
			a.chain(c.Envelope)
			a.record(leaf, c.Envelope)
		}
	}
	switch leaf.Verdict {
	case formats.Accepted:
		r.Accepted++
		r.Events += leaf.Count
	case formats.Duplicate:
		r.Duplicates++
	case formats.Rejected:
		r.Rejected++
		r.Codes[leaf.Code]++
	}
}
