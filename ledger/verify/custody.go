package verify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

const (
	// MaxCustody is the most bytes of a custody file.
	MaxCustody     = 1 << 20
	maxCustodies   = 1000
	custodyPayload = "application/vnd.saksi.custody.v1+json"
	maxCustodyText = 1000 // of a name or a note, in bytes
)

// CustodyAction is what somebody did with a piece of evidence.
type CustodyAction string

// The actions.
const (
	CustodyMade     CustodyAction = "made"     // out of a ledger
	CustodyRedacted CustodyAction = "redacted" // made out of another piece of evidence, by taking events out
	CustodyHanded   CustodyAction = "handed"   // to somebody
	CustodyReceived CustodyAction = "received"
	CustodyExamined CustodyAction = "examined"
	CustodyStored   CustodyAction = "stored"
)

// CustodyActions are all of them.
func CustodyActions() []CustodyAction {
	return []CustodyAction{CustodyMade, CustodyRedacted, CustodyHanded, CustodyReceived, CustodyExamined, CustodyStored}
}

// TrustedCustodian is somebody who has evidence in hand, and the key that they sign with.
type TrustedCustodian struct {
	Name string `json:"name"`
	Key  string `json:"key"` // as the registry has keys: base64 of a SubjectPublicKeyInfo
}

// CustodyEntry says, signed by who did it, what was done with a piece of evidence.
type CustodyEntry struct {
	V      int `json:"v"`
	Number int `json:"n"` // from 1
	// Evidence is the SHA-256 of the file, of so many Bytes.
	Evidence events.Digest `json:"evidence"`
	Bytes    int64         `json:"bytes"`
	Action   CustodyAction `json:"action"`
	By       string        `json:"by"`
	// To is whom it was handed to.
	To string `json:"to,omitempty"`
	// At is that person's clock.
	At time.Time `json:"at"`
	// From is the SHA-256 of the file out of which it was made, if it was redacted.
	From *events.Digest `json:"from,omitempty"`
	Note string         `json:"note,omitempty"`
	// Previous is the SHA-256 of the line before, without its line feed.
	Previous *events.Digest `json:"previous,omitempty"`
	// Key is the public half of what signed it.
	Key string `json:"key"`
}

// StatedCustody is an entry whose signature holds.
type StatedCustody struct {
	CustodyEntry
	// Known says that the trust file gives the key to whom the entry names.
	Known bool `json:"known"`
	// Backwards says that its time is before that of the entry before it.
	Backwards bool `json:"backwards,omitzero"`
}

// custodyLine is an entry as it stands in a file: DSSE.
type custodyLine struct {
	PayloadType string             `json:"payloadType"`
	Payload     string             `json:"payload"`
	Signatures  []custodySignature `json:"signatures"`
}

type custodySignature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"`
}

// pae is DSSE's pre-authentication encoding.
func pae(payload []byte) []byte {
	b := append([]byte("DSSEv1 "), strconv.Itoa(len(custodyPayload))+" "+custodyPayload+" "...)
	return append(append(strconv.AppendInt(b, int64(len(payload)), 10), ' '), payload...)
}

// AppendCustody signs an entry and adds it to a custody file, which is empty for the
// first. Number, Previous and Key are filled in; the file before is taken as it is, and
// must hold by itself.
func AppendCustody(file []byte, e CustodyEntry, random io.Reader, signer *events.Signer) ([]byte, error) {
	entries, lines, err := parseCustody(file)
	if err != nil {
		return nil, err
	}
	e.V, e.Number, e.Previous, e.Key, e.At = 1, len(entries)+1, nil, signer.PublicKey().String(), e.At.UTC().Truncate(time.Second)
	if len(lines) > 0 {
		previous := events.DigestOf(lines[len(lines)-1])
		e.Previous = &previous
	}
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("custody: %w", err)
	}
	payload, err := marshalPlain(e)
	if err != nil {
		return nil, err
	}
	sig, err := signer.Sign(random, pae(payload))
	if err != nil {
		return nil, fmt.Errorf("sign the custody entry: %w", err)
	}
	line, err := marshalPlain(custodyLine{custodyPayload, base64.StdEncoding.EncodeToString(payload), []custodySignature{
		{string(signer.PublicKey().ID()), base64.StdEncoding.EncodeToString(sig)},
	}})
	if err != nil {
		return nil, err
	}
	again := append(append(bytes.Clone(file), line...), '\n')
	if _, _, err := parseCustody(again); err != nil {
		return nil, err
	}
	return again, nil
}

func marshalPlain(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func (e *CustodyEntry) check() error {
	switch {
	case e.V != 1:
		return fmt.Errorf("version %d: this program knows 1", e.V)
	case !slices.Contains(CustodyActions(), e.Action):
		return fmt.Errorf("%.40q is nothing that is done with evidence", e.Action)
	case e.By == "" || len(e.By) > maxCustodyText || len(e.To) > maxCustodyText || len(e.Note) > maxCustodyText:
		return fmt.Errorf("a name or a note is missing, or has more than %d bytes", maxCustodyText)
	case e.Bytes <= 0:
		return errors.New("the evidence has no bytes")
	case (e.From != nil) != (e.Action == CustodyRedacted):
		return errors.New("what was redacted was made out of another file, and nothing else was")
	case (e.To != "") != (e.Action == CustodyHanded):
		return errors.New("what was handed was handed to somebody, and nothing else was")
	}
	return nil
}

// parseCustody reads a custody file, and checks it as far as that can be done by itself:
// signatures, by the keys that they name, and that entry follows on entry.
func parseCustody(file []byte) (entries []CustodyEntry, lines [][]byte, _ error) {
	if len(file) > MaxCustody {
		return nil, nil, fmt.Errorf("custody: %d bytes: the most is %d", len(file), MaxCustody)
	}
	for len(file) > 0 {
		line, rest, ok := bytes.Cut(file, []byte("\n"))
		if !ok {
			return nil, nil, errors.New("custody: the last line has no end")
		}
		if len(entries) == maxCustodies {
			return nil, nil, fmt.Errorf("custody: more than %d entries", maxCustodies)
		}
		e, err := parseCustodyLine(line)
		if err == nil {
			err = e.follows(entries, lines)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("custody entry %d: %w", len(entries)+1, err)
		}
		entries, lines, file = append(entries, *e), append(lines, line), rest
	}
	return entries, lines, nil
}

func parseCustodyLine(line []byte) (*CustodyEntry, error) {
	var l custodyLine
	if err := jsonv2.Unmarshal(line, &l, jsonv2.RejectUnknownMembers(true)); err != nil || l.PayloadType != custodyPayload || len(l.Signatures) != 1 {
		return nil, errors.New("it is none")
	}
	payload, err := formats.DecodeLine([]byte(l.Payload))
	if err != nil {
		return nil, errors.New("its payload is not in base64")
	}
	e := &CustodyEntry{}
	if err := jsonv2.Unmarshal(payload, e, jsonv2.RejectUnknownMembers(true)); err != nil {
		return nil, errors.New("its payload is none")
	}
	if again, err := marshalPlain(e); err != nil || !bytes.Equal(again, payload) {
		return nil, errors.New("its payload is not in its one written form")
	}
	if again, err := marshalPlain(l); err != nil || !bytes.Equal(again, line) {
		return nil, errors.New("it is not in its one written form")
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	key, err := events.ParsePublicKey(e.Key)
	if err != nil {
		return nil, err
	}
	sig, err := formats.DecodeLine([]byte(l.Signatures[0].Sig))
	if err != nil || l.Signatures[0].KeyID != string(key.ID()) || !key.Verify(pae(payload), sig) {
		return nil, errors.New("its signature does not hold")
	}
	return e, nil
}

// follows checks that an entry goes on from those before it.
func (e *CustodyEntry) follows(before []CustodyEntry, lines [][]byte) error {
	if e.Number != len(before)+1 {
		return fmt.Errorf("its number is %d", e.Number)
	}
	if len(before) == 0 {
		if e.Previous != nil {
			return errors.New("it goes on from an entry that is not here")
		}
		return nil
	}
	last := before[len(before)-1]
	switch {
	case e.Previous == nil || *e.Previous != events.DigestOf(lines[len(lines)-1]):
		return errors.New("it does not go on from the entry before it")
	case e.From != nil && *e.From != last.Evidence:
		return errors.New("it was made out of another file than that of the entry before it")
	case e.From == nil && (e.Evidence != last.Evidence || e.Bytes != last.Bytes):
		return errors.New("it is about another file than the entry before it")
	}
	return nil
}

// VerifyCustody checks a custody file against the evidence that it is about, by its
// SHA-256 and size, and says whose entries are those of custodians in the trust file.
func VerifyCustody(file []byte, evidence events.Digest, size int64, trust *Trust) ([]StatedCustody, error) {
	entries, _, err := parseCustody(file)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, errors.New("custody: it has no entry")
	}
	if last := entries[len(entries)-1]; last.Evidence != evidence || last.Bytes != size {
		return nil, errors.New("custody: its last entry is about another file than this evidence")
	}
	stated := make([]StatedCustody, len(entries))
	for i, e := range entries {
		stated[i].CustodyEntry = e
		stated[i].Known = slices.Contains(trust.Custodians, TrustedCustodian{e.By, e.Key})
		stated[i].Backwards = i > 0 && e.At.Before(entries[i-1].At)
	}
	return stated, nil
}

// CustodyText says for people what a custody file says.
func CustodyText(list []StatedCustody) string {
	var b strings.Builder
	for _, e := range list {
		who := fmt.Sprintf("%s, by a key that the trust file gives to nobody (%.12s…)", safetext.Word(e.By), keyIDOf(e.Key))
		if e.Known {
			who = safetext.Word(e.By) + ", by the key that the trust file gives to them"
		}
		did := string(e.Action)
		switch {
		case e.To != "":
			did += " to " + safetext.Word(e.To)
		case e.From != nil:
			did += " out of the file " + e.From.String()
		}
		fmt.Fprintf(&b, "%d  %s  %s: %s", e.Number, at(e.At), did, who)
		if e.Note != "" {
			fmt.Fprintf(&b, " — %s", safetext.Quote(e.Note))
		}
		if e.Backwards {
			b.WriteString(" (its time is before that of the entry before it)")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func keyIDOf(key string) events.KeyID {
	k, err := events.ParsePublicKey(key)
	if err != nil {
		return ""
	}
	return k.ID()
}
