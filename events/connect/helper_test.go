package connect_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events/connect"
)

// collect reads a log to its end.
func collect(content, name string) (raw []string, damage []error) {
	for record, err := range connect.Read(strings.NewReader(content), name, connect.Format{}) {
		if err != nil {
			damage = append(damage, err)
		} else {
			raw = append(raw, string(record.Raw))
		}
	}
	return raw, damage
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// textOf returns a member of an object.
func textOf(t testing.TB, raw []byte, name string) string {
	t.Helper()
	var object map[string]string
	if err := json.Unmarshal(raw, &object); err != nil {
		t.Fatal(err)
	}
	return object[name]
}
