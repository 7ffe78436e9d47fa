package node_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// message is one row of the table: bytes on a subject, and what must become of
// them. Code is empty for those that are not rejected.
type message struct {
	name    string
	from    *party
	subject string
	body    []byte
	verdict formats.Verdict
	code    string
}

// forge holds what hostile messages are made of.
type forge struct {
	*world
	nimbus, garuda, ghost, cut, seat *party
	revoked, stranger                *events.Signer
	bastion                          *chain
	table                            []message
}

const bastionName = "nimbus-my/lab-1/bastion-1"

func newSigner(w *world) *events.Signer {
	w.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	w.must(err)
	s, err := events.NewSigner(private)
	w.must(err)
	return s
}

func newForge(t *testing.T) *forge {
	w := newWorld(t)
	f := &forge{world: w, revoked: newSigner(w), stranger: newSigner(w)}
	f.nimbus = w.enrol("nimbus-my", "lab-1",
		events.RecorderDeclared{Recorder: bastionName, Kind: events.RecorderBastion},
		events.RecorderDeclared{Recorder: "nimbus-my/lab-1/doors-2", Kind: events.RecorderBadge, Signatures: 2})
	f.garuda = w.enrol("garuda-cloud", "kul-dc-2", events.RecorderDeclared{Recorder: "garuda-cloud/kul-dc-2/badge-1", Kind: events.RecorderBadge})
	f.cut = w.enrol("cut-off", "lab-9", events.RecorderDeclared{Recorder: "cut-off/lab-9/bastion-1", Kind: events.RecorderBastion})
	f.ghost = w.enrolAtBroker("ghost")
	f.seat = w.enrolAuthority("bnm", "lab-1")
	_, err := w.registrar.AddKey(w.ctx, "nimbus-my", f.revoked.PublicKey())
	w.must(err)
	_, err = w.registrar.RevokeKey(w.ctx, "nimbus-my", f.revoked.PublicKey().ID(), time.Now(), "stolen")
	w.must(err)
	f.bastion = newChain(w, bastionName)
	return f
}

// add puts a row into the table, on the bastion's own subject.
func (f *forge) add(name string, verdict formats.Verdict, code string, body []byte) {
	f.addOn(name, verdict, code, f.nimbus, f.bastion.recorder.Subject(), body)
}

func (f *forge) addOn(name string, verdict formats.Verdict, code string, from *party, subject string, body []byte) {
	f.table = append(f.table, message{name, from, subject, body, verdict, code})
}

func (f *forge) malformed(name string, body []byte) { f.add(name, formats.Rejected, "malformed", body) }

// good is an envelope with nothing wrong, as bytes, which is never sent as it is.
// It takes no number of the bastion's.
func (f *forge) good() []byte {
	f.Helper()
	c := *f.bastion
	return c.seal(f.world, 2, f.nimbus.signer).Marshal()
}

// write makes an envelope by hand from its wire form, so that it can hold what
// events.Seal would never write. Signatures are over payload.
func (f *forge) write(payload []byte, lines [][]byte, signers ...*events.Signer) []byte {
	f.Helper()
	signatures := make([]string, len(signers))
	pae := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(events.PayloadType), events.PayloadType, len(payload), payload)
	for i, s := range signers {
		sig, err := s.Sign(rand.Reader, pae)
		f.must(err)
		signatures[i] = signatureJSON(s.PublicKey().ID(), sig)
	}
	return wire(payload, lines, signatures...)
}

func signatureJSON(key events.KeyID, sig []byte) string {
	return `{"keyid":"` + string(key) + `","sig":"` + base64.StdEncoding.EncodeToString(sig) + `"}`
}

func wire(payload []byte, lines [][]byte, signatures ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"payloadType":%q,"payload":%q,"signatures":[%s]}`+"\n",
		events.PayloadType, base64.StdEncoding.EncodeToString(payload), strings.Join(signatures, ","))
	for _, line := range lines {
		b.Write(append(line, '\n'))
	}
	return b.Bytes()
}

// manifest writes a manifest over lines, by hand. first and incarnation are text,
// so that they can be anything.
func manifest(recorder, incarnation, first, previous string, lines [][]byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"v":1,"recorder":"%s","incarnation":%s,"first":%s`, recorder, incarnation, first)
	if previous != "" {
		fmt.Fprintf(&b, `,"previous":"%s"`, previous)
	}
	b.WriteString(`,"events":[`)
	for i, line := range lines {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"%s"`, events.DigestOf(line))
	}
	b.WriteString("]}")
	return b.Bytes()
}

// signed is an envelope of the bastion's with these lines, well signed and in
// order whatever the lines are.
func (f *forge) signed(lines ...[]byte) []byte {
	return f.write(manifest(bastionName, "1", "1", "", lines), lines, f.nimbus.signer)
}

// edited returns a good event's line after a change.
func (f *forge) edited(from, to string) []byte {
	f.Helper()
	line := string(eventLine(f.world, f.bastion.recorder))
	if !strings.Contains(line, from) {
		f.Fatalf("the event holds no %s: %s", from, line)
	}
	return []byte(strings.Replace(line, from, to, 1))
}

func allBytes() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return append(b, '\n')
}

// reordered puts payload before payloadType.
func reordered(first, rest []byte) []byte {
	head := `"payloadType":"` + events.PayloadType + `",`
	moved := strings.Replace(string(first), head, "", 1)
	moved = strings.Replace(moved, `,"signatures"`, `,`+strings.TrimSuffix(head, ",")+`,"signatures"`, 1)
	return slices.Concat([]byte(moved), []byte("\n"), rest)
}

func mustSign(f *forge, s *events.Signer, message []byte) []byte {
	sig, err := s.Sign(rand.Reader, message)
	f.must(err)
	return sig
}

// malleated adds the order of the group to S: the same signature to a verifier
// that does not reduce (RFC 8032, section 5.1.7, refuses it).
func malleated(sig []byte) []byte {
	order := [32]byte{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 31: 0x10}
	changed, carry := bytes.Clone(sig), 0
	for i := range order {
		sum := int(changed[32+i]) + int(order[i]) + carry
		changed[32+i], carry = byte(sum), sum>>8
	}
	return changed
}
