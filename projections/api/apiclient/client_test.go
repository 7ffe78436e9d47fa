package apiclient_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/projections/api/apiclient"
)

func TestClient(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/echo":
			body, _ := io.ReadAll(r.Body)
			json.NewEncoder(w).Encode(map[string]string{
				"method": r.Method, "query": r.URL.RawQuery, "token": r.Header.Get("Authorization"), "type": r.Header.Get("Content-Type"), "body": string(body),
			})
		case "/v1/problem":
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"title":"Forbidden","detail":"not within\u001b[2J the mandate"}`)
		case "/v1/page":
			w.WriteHeader(http.StatusBadGateway)
			io.WriteString(w, "<html>"+strings.Repeat("x", 1<<20))
		case "/v1/endless":
			for chunk := make([]byte, 1<<20); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}
	}))
	defer server.Close()
	c := &apiclient.Client{Base: server.URL + "/", Token: func() (string, error) { return "abc", nil }}

	var echo map[string]string
	query := url.Values{"where": {"a=b&c"}}
	if err := c.SendJSON(t.Context(), http.MethodPost, "/v1/echo", query, map[string]int{"n": 1}, &echo); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"method": "POST", "query": "where=a%3Db%26c", "token": "Bearer abc", "type": "application/json", "body": `{"n":1}`} {
		if echo[name] != want {
			t.Errorf("%s was sent as %q: want %q", name, echo[name], want)
		}
	}

	var p *apiclient.Problem
	if _, err := c.Get(t.Context(), "/v1/problem", nil); !errors.As(err, &p) || p.Status != http.StatusForbidden || !strings.Contains(p.Detail, "not within") {
		t.Errorf("a problem is %v", err)
	} else if strings.ContainsRune(err.Error(), 0x1b) {
		t.Errorf("the server's text steers the terminal: %q", err)
	}
	if _, err := c.Get(t.Context(), "/v1/page", nil); !errors.As(err, &p) || p.Status != http.StatusBadGateway || len(err.Error()) > 200 {
		t.Errorf("an answer that is no problem detail is %.300v", err)
	}
	if _, err := c.Get(t.Context(), "/v1/endless", nil); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("an endless answer: %v", err)
	}

	none := errors.New("the key is lost")
	c.Token = func() (string, error) { return "", none }
	if _, err := c.Get(t.Context(), "/v1/echo", nil); !errors.Is(err, none) {
		t.Errorf("without a token: %v", err)
	}
	c = &apiclient.Client{Base: server.URL}
	if err := c.GetJSON(t.Context(), "/v1/echo", nil, &echo); err != nil || echo["token"] != "" {
		t.Errorf("where there is no token to send: %v, %q", err, echo["token"])
	}
}
