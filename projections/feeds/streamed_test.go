package feeds

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// FuzzParseStreamed: what is taken is kept as it came, its id is that of its CloudEvent,
// and what the stricter ParseMessage takes is the same message.
func FuzzParseStreamed(f *testing.F) {
	for _, seed := range []string{
		`{"specversion":"1.0","id":"touches/2/17","data":{"change":17}}`, `{"id":"touches/iD_-x","data":{}}`, `{"id":"touches/"}`, `{"id":"/2/17"}`,
		`{"id":"touches/2/017","data":{"change":17}}`, "{\"id\":\"touches/a\\nb\"}", "{\"id\":\"touches/a\"\n}", `{"id":7}`, `[]`, ``, `{"id":"to uches/1/1"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := ParseStreamed(raw)
		strict, strictErr := ParseMessage(raw)
		if err != nil {
			if strictErr == nil {
				t.Fatalf("%q is a message, and none that was streamed: %v", raw, err)
			}
			return
		}
		var e struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(raw, &e); err != nil || e.ID != m.View+"/"+m.ID || !bytes.Equal(m.Raw, raw) || strings.ContainsAny(m.ID, " \r\n\x00") || m.ID == "" {
			t.Fatalf("%q became %+v", raw, m)
		}
		if strictErr == nil && (m.Mark != strict.Mark || m.ID != strict.ID || m.View != strict.View) {
			t.Fatalf("%q: %+v, and %+v", raw, m, strict)
		}
	})
}
