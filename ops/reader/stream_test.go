package reader

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/projections/feeds"
)

// taken is what a stream of these bytes brings, read so much at a time.
func taken(text string, most int) (messages []string, last string, bad bool) {
	s := &streamed{options: WatchOptions{View: "touches", Print: func(batch []feeds.Message) error {
		for _, m := range batch {
			messages = append(messages, string(m.Raw))
		}
		return nil
	}}}
	err := s.read(bufio.NewReaderSize(piecemeal{strings.NewReader(text), most}, 64), func() {})
	return messages, s.last, errors.As(err, new(handleError))
}

// piecemeal gives at most so many bytes at a time.
type piecemeal struct {
	r    io.Reader
	most int
}

func (p piecemeal) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.most)]) }

func event(id string) string {
	return fmt.Sprintf("id: %s\ndata: {\"id\":\"touches/%s\"}\n\n", id, id)
}

func TestStreamIsRead(t *testing.T) {
	a, b := `{"id":"touches/a"}`, `{"id":"touches/b"}`
	for _, test := range []struct {
		text, want, last string
		bad              bool
	}{
		{"", "", "", false},
		{"retry: 2000\n\n" + event("a") + event("b"), a + b, "b", false},
		{event("a") + ":\nid: m\n\n", a, "m", false},
		{event("a") + "id: m\n", a, "a", false},                                // cut off
		{event("a") + "id: b\ndata: {\"id\":\"touches/b\"}\n", a, "a", false},  // likewise
		{event("a") + "id: b\ndata: {\"id\":\"touches/b\"", a, "a", false},     // likewise
		{strings.ReplaceAll(event("a"), "\n", "\r\n"), a, "a", false},          // some proxy's
		{event("a") + "id: b\ndata: {\"id\":\"touches/c\"}\n\n", "", "", true}, // not what it says
		{"id: a\ndata: {\"id\":\"sessions/a\"}\n\n", "", "", true},             // another view's
		{"id: a\ndata: nonsense\n\n", "", "", true},
	} {
		for _, most := range []int{1, 3, 1 << 20} {
			messages, last, bad := taken(test.text, most)
			if bad != test.bad || !bad && (strings.Join(messages, "") != test.want || last != test.last) {
				t.Errorf("%q, %d at a time: %q, %q, %v", test.text, most, messages, last, bad)
			}
		}
	}
	if _, _, bad := taken(event("a")+"data: "+strings.Repeat("x", streamLine+1)+"\n\n", 1<<20); !bad {
		t.Error("a line without end was taken")
	}
}

// FuzzStream: a stream brings the same however its bytes come.
func FuzzStream(f *testing.F) {
	f.Add("retry: 2000\n\n"+event("a")+event("b"), uint8(3))
	f.Add(event("a")+":\nid: m\n\n"+event("b")+"id: c\ndata: {", uint8(1))
	f.Add("data: {\"id\":\n data: \"touches/a\"}\n\n", uint8(7))
	f.Fuzz(func(t *testing.T, text string, most uint8) {
		messages, last, bad := taken(text, int(most)+1)
		all, end, refused := taken(text, 1<<20)
		if bad != refused {
			t.Fatalf("%q: %v and %v", text, bad, refused)
		}
		if !bad && (fmt.Sprint(messages) != fmt.Sprint(all) || last != end) {
			t.Fatalf("%q: %q to %q, and %q to %q", text, messages, last, all, end)
		}
	})
}
