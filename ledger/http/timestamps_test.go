package http_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
)

func TestTimestamps(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"tsa", "other.example-8443"} {
		if err := os.MkdirAll(filepath.Join(dir, "timestamps", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range map[string]string{
		"tsa/00000000000000000007.tst": "\x30\x00", "tsa/00000000000000000007.note": "seven\n", "tsa/00000000000000000009.tst": "\x30\x00",
		"tsa/00000000000000000009.note": "nine\n", "tsa/status.json": "{}", "tsa/.00000000000000000011.tst-1": "half", "other.example-8443/00000000000000000009.tst": "\x30\x00",
	} {
		if err := os.WriteFile(filepath.Join(dir, "timestamps", path), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stamps, err := ledgerhttp.OpenTimestamps(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer stamps.Close()
	get := func(path string) (int, string, http.Header) {
		t.Helper()
		w := httptest.NewRecorder()
		stamps.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		b, err := io.ReadAll(w.Result().Body)
		if err != nil {
			t.Fatal(err)
		}
		return w.Code, string(b), w.Result().Header
	}
	list := func(query string) (all []ledgerhttp.Timestamp) {
		t.Helper()
		status, body, _ := get("/timestamps/" + query)
		var answer struct {
			Timestamps []ledgerhttp.Timestamp `json:"timestamps"`
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d, %s, %v", query, status, body, err)
		}
		return answer.Timestamps
	}
	all := list("")
	if len(all) != 3 || all[0].Size != 9 || all[0].Authority != "other.example-8443" || all[2].Token != "/timestamps/tsa/00000000000000000007.tst" {
		t.Errorf("%+v", all)
	}
	if mine := list("?authority=tsa&limit=1"); len(mine) != 1 || mine[0].Size != 9 || mine[0].Authority != "tsa" {
		t.Errorf("%+v", mine)
	}
	if older := list("?before=9"); len(older) != 1 || older[0].Size != 7 {
		t.Errorf("%+v", older)
	}
	if none := list("?authority=nobody"); len(none) != 0 || none == nil {
		t.Errorf("%+v", none)
	}
	status, body, header := get(all[2].Token)
	if status != http.StatusOK || body != "\x30\x00" || header.Get("Content-Type") != "application/timestamp-token" {
		t.Errorf("%d, %q, %v", status, body, header)
	}
	if status, body, _ = get(all[2].Checkpoint); status != http.StatusOK || body != "seven\n" {
		t.Errorf("%d, %q", status, body)
	}
	for _, path := range []string{
		"/timestamps/tsa/status.json", "/timestamps/tsa/.00000000000000000011.tst-1", "/timestamps/tsa/00000000000000000008.tst", "/timestamps/../tree/checkpoint",
		"/timestamps/tsa/7.tst", "/timestamps/.hidden/00000000000000000007.tst",
	} {
		if status, body, _ := get(path); status != http.StatusNotFound {
			t.Errorf("%s: %d, %q", path, status, body)
		}
	}
	w := httptest.NewRecorder()
	stamps.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/timestamps/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}
