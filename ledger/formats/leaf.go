package formats

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/canonical"
)

// Verdict is what admission decided about a message.
type Verdict string

// The verdicts. Whatever the verdict, the message has its leaf and its body.
const (
	Accepted  Verdict = "accepted"
	Duplicate Verdict = "duplicate"
	Rejected  Verdict = "rejected"
)

// Leaf is an entry of the tree: what became of one message of the stream, or
// one event of the ledger's own. It is written as JSON in one form only, keys
// in the order of the fields and no white space, and holds no content.
type Leaf struct {
	// Epoch and Seq are where the message stood in the stream. Epochs count from
	// 1; a new one begins when the stream lost or changed what had been read.
	// The ledger's own events repeat the Seq before them, 0 at the start of an
	// epoch.
	Epoch, Seq uint64
	// Subject is the NATS subject of the message, or ledger.
	Subject string
	// Received is the stream's own time stamp, to the nanosecond.
	Received time.Time
	Verdict  Verdict
	// First and Count are the sequence numbers that an accepted envelope took.
	First, Count uint64
	// Of is the index of the leaf that a duplicate repeats.
	Of uint64
	// Code is why a message was rejected.
	Code string
	// Digest is the SHA-256 of line 1 of the envelope, or of the whole body if
	// it was rejected.
	Digest events.Digest
}

// receivedLayout always has nine digits after the point.
const receivedLayout = "2006-01-02T15:04:05.000000000Z"

const (
	maxSubject = 3 * 4096 // a NATS control line, every byte escaped
	maxCode    = 40
)

// Marshal returns the leaf's bytes: the entry in the tree, over which its hash
// is taken (RFC 6962, section 2.1).
func (l *Leaf) Marshal() []byte {
	b := make([]byte, 0, 288)
	b = append(b, `{"v":1,"epoch":`...)
	b = strconv.AppendUint(b, l.Epoch, 10)
	b = append(b, `,"seq":`...)
	b = strconv.AppendUint(b, l.Seq, 10)
	b = append(b, `,"subject":"`...)
	b = appendSubject(b, l.Subject)
	b = append(b, `","received":"`...)
	b = l.Received.UTC().AppendFormat(b, receivedLayout)
	b = append(b, `","verdict":"`...)
	b = append(append(b, l.Verdict...), '"')
	switch l.Verdict {
	case Accepted:
		b = append(b, `,"first":`...)
		b = strconv.AppendUint(b, l.First, 10)
		b = append(b, `,"count":`...)
		b = strconv.AppendUint(b, l.Count, 10)
	case Duplicate:
		b = append(b, `,"of":`...)
		b = strconv.AppendUint(b, l.Of, 10)
	case Rejected:
		b = append(b, `,"code":"`...)
		b = append(append(b, l.Code...), '"')
	}
	b = append(b, `,"digest":"`...)
	b = append(b, l.Digest.String()...)
	return append(b, `"}`...)
}

// ParseLeaf reads a leaf.
func ParseLeaf(b []byte) (*Leaf, error) {
	l, err := parseLeaf(b)
	if err != nil {
		return nil, fmt.Errorf("leaf: %w", err)
	}
	return l, nil
}

func parseLeaf(b []byte) (*Leaf, error) {
	l := &Leaf{}
	r := canonical.NewReader(b)
	r.Literal(`{"v":1,"epoch":`)
	l.Epoch = r.Number("the epoch")
	r.Literal(`,"seq":`)
	l.Seq = r.Number("the stream sequence")
	r.Literal(`,"subject":"`)
	subject := r.Quoted("the subject", maxSubject)
	r.Literal(`,"received":"`)
	received := r.Quoted("the time received", len(receivedLayout))
	r.Literal(`,"verdict":"`)
	l.Verdict = Verdict(r.Quoted("the verdict", len(Duplicate)))
	switch l.Verdict {
	case Accepted:
		r.Literal(`,"first":`)
		l.First = r.Number("the first sequence number")
		r.Literal(`,"count":`)
		l.Count = r.Number("the number of events")
	case Duplicate:
		r.Literal(`,"of":`)
		l.Of = r.Number("the index of the leaf repeated")
	case Rejected:
		r.Literal(`,"code":"`)
		l.Code = string(r.Quoted("the code", maxCode))
	default:
		r.Fail("a verdict: accepted, duplicate or rejected, before here")
	}
	r.Literal(`,"digest":"`)
	digest := string(r.Quoted("the digest", 71))
	r.Literal(`}`)
	if err := r.End(); err != nil {
		return nil, err
	}

	var err error
	if l.Digest, err = events.ParseDigest(digest); err != nil {
		return nil, err
	}
	if l.Subject, err = parseSubject(subject); err != nil {
		return nil, err
	}
	l.Received, err = time.Parse(receivedLayout, string(received))
	switch {
	case err != nil || l.Received.Format(receivedLayout) != string(received):
		return nil, errors.New("the time received is not RFC 3339 in UTC with nine decimals")
	case l.Epoch == 0:
		return nil, errors.New("epoch 0: epochs count from 1")
	case l.Verdict == Accepted && (l.First == 0 || l.Count == 0 || l.Count > events.MaxEvents || l.First+l.Count-1 > events.MaxSequence):
		return nil, fmt.Errorf("sequence numbers from %d, %d of them", l.First, l.Count)
	}
	return l, nil
}

// A subject may hold any byte but white space, for a hostile client writes what
// it likes. All but plain ones are written as % and two hexadecimal digits, so
// that a leaf is JSON whatever was sent.

func plainInSubject(c byte) bool {
	return c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '%'
}

const upperHex = "0123456789ABCDEF"

func appendSubject(b []byte, subject string) []byte {
	for i := range len(subject) {
		if c := subject[i]; plainInSubject(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return b
}

func parseSubject(s []byte) (string, error) {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case plainInSubject(s[i]):
			b = append(b, s[i])
		case s[i] == '%' && i+2 < len(s):
			c, err := strconv.ParseUint(string(s[i+1:i+3]), 16, 8)
			if err != nil || plainInSubject(byte(c)) || string(appendSubject(nil, string([]byte{byte(c)}))) != string(s[i:i+3]) {
				return "", errors.New("the subject has an escape that it needn't or can't have")
			}
			b = append(b, byte(c))
			i += 2
		default:
			return "", errors.New("the subject holds a byte that must be escaped")
		}
	}
	return string(b), nil
}
