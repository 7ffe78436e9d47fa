package http_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
)

func TestAnchors(t *testing.T) {
	dir := t.TempDir()
	anchors, err := ledgerhttp.OpenAnchors(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer anchors.Close()
	if list, err := anchors.List("", 0, 0); err != nil || len(list) != 0 {
		t.Fatalf("before the first: %v, %v", list, err)
	}
	put := func(rekor string, size int) {
		base := filepath.Join(dir, "anchors", rekor, fmt.Sprintf("%020d", size))
		for _, err := range []error{
			os.MkdirAll(filepath.Dir(base), 0o700),
			os.WriteFile(base+".json", fmt.Appendf(nil, `{"logIndex":"%d"}`, size), 0o600),
			os.WriteFile(base+".note", fmt.Appendf(nil, "note %s %d", rekor, size), 0o600),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for size := 10; size <= 300; size += 10 {
		put("here", size)
		if size%100 == 0 {
			put("there.example", size)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "anchors", "secret"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "state.db"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for before := uint64(0); ; {
		list, err := anchors.List("", before, 5)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, a := range list {
			seen = append(seen, fmt.Sprint(a.Rekor, a.Size))
		}
		before = list[len(list)-1].Size
	}
	if len(seen) != 33 || seen[0] != "here300" || seen[1] != "there.example300" || seen[32] != "here10" {
		t.Errorf("pages of 5: %v", seen)
	}
	put("here", 310) // in the same instant, by a coarse clock
	if list, err := anchors.List("here", 0, 1); err != nil || len(list) != 1 || list[0].Size != 310 {
		t.Errorf("the newest: %v, %v", list, err)
	}
	if note, err := anchors.Checkpoint(200); err != nil || string(note) != "note here 200" {
		t.Errorf("the checkpoint of 200: %q, %v", note, err)
	}
	if _, err := anchors.Checkpoint(201); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the checkpoint of 201: %v", err)
	}

	server := httptest.NewServer(anchors)
	defer server.Close()
	get := func(path string, into any) int {
		response, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if into != nil {
			if err := json.NewDecoder(response.Body).Decode(into); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
		return response.StatusCode
	}
	var list struct {
		Anchors []ledgerhttp.Anchor `json:"anchors"`
	}
	if status := get("/anchors/?rekor=there.example&before=300&limit=10", &list); status != 200 || len(list.Anchors) != 2 {
		t.Fatalf("%d %v", status, list)
	}
	var entry struct {
		LogIndex string `json:"logIndex"`
	}
	if status := get(list.Anchors[0].Entry, &entry); status != 200 || entry.LogIndex != "200" {
		t.Errorf("%d %v", status, entry)
	}
	if status := get(list.Anchors[0].Checkpoint, nil); status != 200 {
		t.Errorf("%s: %d", list.Anchors[0].Checkpoint, status)
	}
	for _, path := range []string{"/anchors/secret", "/anchors/here/", "/anchors/here/1.json", "/anchors/here/00000000000000000999.json",
		"/anchors/../state.db", "/anchors/%2e%2e/state.db", "/anchors/here/../../state.db", "/anchors/here/..%2f..%2fstate.db"} {
		if status := get(path, nil); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
}
