package feeds

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/saksi-ledger/saksi/projections"
)

// Mark is a place in a view's history. The zero Mark stands before all of it.
type Mark struct {
	Version int    `json:"version"` // of the view
	Change  uint64 `json:"change"`
}

// Compare returns -1, 0 or +1: a higher version is later than any change of a
// lower one.
func (m Mark) Compare(n Mark) int {
	return cmp.Or(cmp.Compare(m.Version, n.Version), cmp.Compare(m.Change, n.Change))
}

// id is the id of the message of a change: <view>/<version>/<change>.
func (m Mark) id(view string) string {
	return view + "/" + strconv.Itoa(m.Version) + "/" + strconv.FormatUint(m.Change, 10)
}

// parseID reads what Mark.id wrote, and nothing else.
func parseID(id string) (view string, m Mark, err error) {
	parts := strings.Split(id, "/")
	if len(parts) == 3 {
		view = parts[0]
		m.Version, err = strconv.Atoi(parts[1])
		if err == nil {
			m.Change, err = strconv.ParseUint(parts[2], 10, 64)
		}
		if err == nil && m.Version > 0 && m.Change > 0 && validName.MatchString(view) && m.id(view) == id {
			return view, m, nil
		}
	}
	return "", Mark{}, fmt.Errorf("%q is no id of a feed's message: want view/version/change", id)
}

// Event is a feed's message: a CloudEvent 1.0 in structured JSON.
type Event struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Subject     string    `json:"subject"`
	Time        time.Time `json:"time"`
	ContentType string    `json:"datacontenttype"`
	Data        Data      `json:"data"`
}

// Data is what changed.
type Data struct {
	// Change is the number of this change in the view's version; 0 where it would tell
	// a reader how much there is beyond its mandate.
	Change uint64 `json:"change,omitzero"`
	// Leaf is the leaf that made it, Size the smallest tree size that shows it.
	Leaf uint64                 `json:"leaf"`
	Size uint64                 `json:"size"`
	Kind projections.ChangeKind `json:"kind"`
	Key  string                 `json:"key"`
	// Row is what the row is now, or what it was last if it ended.
	Row json.RawMessage `json:"row"`
}

// Headers of a message, beside Nats-Msg-Id, which is the event's id: for
// subscribers who filter without parsing.
const (
	HeaderChange = "Saksi-Change"
	HeaderLeaf   = "Saksi-Leaf"
)

const subjectPrefix = "feeds."

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// message makes the message of a change.
func message(origin string, view View, c projections.Change) (*nats.Msg, error) {
	m := Mark{view.Version, c.Number}
	row, err := json.Marshal(c.Row)
	if err != nil {
		return nil, fmt.Errorf("make a message of change %s: %w", m.id(view.Name), err)
	}
	body, err := marshal(Event{
		SpecVersion: "1.0", ID: m.id(view.Name), Source: "/" + origin + "/views", Type: "saksi.feed." + view.Name + ".v1",
		Subject: c.Key, Time: c.Now.UTC(), ContentType: "application/json",
		Data: Data{Change: c.Number, Leaf: c.Leaf, Size: c.Leaf + 1, Kind: c.Kind, Key: c.Key, Row: row},
	})
	if err != nil {
		return nil, fmt.Errorf("make a message of change %s: %w", m.id(view.Name), err)
	}
	var whose struct {
		Facility string `json:"facility"`
		Operator string `json:"operator"`
	}
	if err := json.Unmarshal(row, &whose); err != nil {
		return nil, fmt.Errorf("make a message of change %s: its row has no facility and operator: %w", m.id(view.Name), err)
	}
	return &nats.Msg{
		Subject: subjectPrefix + view.Name + "." + token(whose.Facility) + "." + token(whose.Operator),
		Data:    body,
		Header: nats.Header{
			nats.MsgIdHdr: {m.id(view.Name)},
			HeaderChange:  {strconv.FormatUint(c.Number, 10)},
			HeaderLeaf:    {strconv.FormatUint(c.Leaf, 10)},
		},
	}, nil
}

// marshal leaves <, > and & as they are, and ends without a line feed.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// token is a name as it stands in a subject: "_" for none, and for what is no
// name, which would make other subjects.
func token(name string) string {
	if !validName.MatchString(name) {
		return "_"
	}
	return name
}

// Message is a message as a subscriber gets it.
type Message struct {
	View string
	Mark
	// ID is the event's id, after the view's name and a slash.
	ID string
	// Raw is the CloudEvent as it was sent: one line of JSON.
	Raw []byte
}

// Event parses the message. It fails on what no publisher wrote.
func (m *Message) Event() (*Event, error) {
	var e Event
	if err := json.Unmarshal(m.Raw, &e); err != nil {
		return nil, fmt.Errorf("read message %s/%s: %w", m.View, m.ID, err)
	}
	return &e, nil
}

// ParseMessage reads a message from its body, one line of JSON, such as a line of
// a file that [File] wrote.
func ParseMessage(raw []byte) (*Message, error) {
	var e struct {
		ID   string `json:"id"`
		Data struct {
			Change uint64 `json:"change"`
		} `json:"data"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, fmt.Errorf("read a feed's message: %w", err)
	}
	view, mark, err := parseID(e.ID)
	if err != nil {
		return nil, fmt.Errorf("read a feed's message: %w", err)
	}
	if e.Data.Change != mark.Change || bytes.IndexByte(raw, '\n') >= 0 {
		return nil, fmt.Errorf("read a feed's message: %s is not what its id says", e.ID)
	}
	return &Message{View: view, Mark: mark, ID: strings.TrimPrefix(e.ID, view+"/"), Raw: raw}, nil
}

// ParseStreamed is [ParseMessage] for a message that came over HTTP. Its id says where
// it stands to nobody but the server, if the reader's mandate is bounded: then it has no
// Mark.
func ParseStreamed(raw []byte) (*Message, error) {
	var e struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, fmt.Errorf("read a feed's message: %w", err)
	}
	view, id, _ := strings.Cut(e.ID, "/")
	if !validName.MatchString(view) || id == "" || len(id) > maxID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) || bytes.IndexByte(raw, '\n') >= 0 {
		return nil, fmt.Errorf("read a feed's message: %.80q is no id of one", e.ID)
	}
	m := &Message{View: view, ID: id, Raw: raw}
	if _, mark, err := parseID(e.ID); err == nil {
		m.Mark = mark
	}
	return m, nil
}

// maxID bounds an id, in bytes.
const maxID = 256
