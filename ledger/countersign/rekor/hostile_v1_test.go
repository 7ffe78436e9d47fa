package rekor

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"

	"github.com/sigstore/rekor/pkg/generated/models"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

const hash = "0000000000000000000000000000000000000000000000000000000000000000"

// answerV1 is the JSON of an answer with a body and a proof.
func answerV1(body, proof string) string {
	return fmt.Sprintf(`{"%s":{"body":"%s","integratedTime":1,"logID":"%s","logIndex":1,"verification":{"inclusionProof":%s,"signedEntryTimestamp":"AA=="}}}`,
		idOfBody(body), base64.StdEncoding.EncodeToString([]byte(body)), hash, proof)
}

// idOfBody is the id of an entry without its tree's.
func idOfBody(body string) string {
	leaf := tlog.RecordHash([]byte(body))
	return hex.EncodeToString(leaf[:])
}

const (
	proofV1 = `{"checkpoint":"c","hashes":[],"logIndex":0,"rootHash":"` + hash + `","treeSize":1}`
	bodyV1  = `{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{"hash":{"algorithm":"sha256","value":"` + hash + `"}},"signature":{"content":"AA==","publicKey":{"content":"AA=="}}}}`
)

// Whatever a Rekor v1 answers, the client returns an error, or something for the
// verifier to look at.
func TestHostileV1(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{
		"no entry": `{}`, "nothing": ``, "null": `null`, "a list": `[]`, "an entry that is null": `{"x":null}`, "an empty entry": `{"x":{}}`,
		"two entries": `{"x":{},"y":{}}`, "no proof": strings.Replace(answerV1(bodyV1, proofV1), "inclusionProof", "other", 1),
		"half a proof": answerV1(bodyV1, `{"hashes":null}`), "a proof that is null": answerV1(bodyV1, `null`),
		"a negative size": answerV1(bodyV1, strings.Replace(proofV1, `"treeSize":1`, `"treeSize":-1`, 1)),
		"a hash of none":  answerV1(bodyV1, strings.Replace(proofV1, `[]`, `["x"]`, 1)),
		"no body":         answerV1("", proofV1), "a body that is null": answerV1("null", proofV1), "a body of another kind": answerV1(`{"kind":"rpm","apiVersion":"0.0.1","spec":{}}`, proofV1),
		"a body without a version": answerV1(`{"kind":"hashedrekord","spec":{}}`, proofV1), "a body without a spec": answerV1(`{"kind":"hashedrekord","apiVersion":"0.0.1"}`, proofV1),
		"a spec that is null": answerV1(`{"kind":"hashedrekord","apiVersion":"0.0.1","spec":null}`, proofV1),
		"a body of a number":  strings.Replace(answerV1("", proofV1), `"body":""`, `"body":7`, 1),
		"deep":                strings.Repeat(`{"x":`, 100_000), "huge": `{"x":"` + strings.Repeat("a", 4<<20) + `"}`,
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			for _, status := range []int{http.StatusCreated, http.StatusOK, http.StatusBadRequest, http.StatusInternalServerError} {
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(status)
					w.Write([]byte(answer))
				}))
				c, err := NewClientV1(server.URL)
				if err != nil {
					t.Fatal(err)
				}
				got, err := c.Submit(t.Context(), sha256.Sum256(nil), key)
				if err == nil {
					t.Errorf("status %d is an entry: %s", status, got)
				} else if len(err.Error()) > 1000 {
					t.Errorf("status %d: an error of %d bytes", status, len(err.Error()))
				}
				if proof, err := c.Consistency(t.Context(), &formats.Checkpoint{Size: 1}, &formats.Checkpoint{Size: 2}); err == nil && len(proof) > 0 {
					t.Errorf("status %d is a proof: %v", status, proof)
				}
				server.Close()
			}
		})
	}
}

// A conflict is looked up on the same Rekor, wherever it points, and a Rekor that says
// nothing is left in time.
func TestConflictV1(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("another host was asked for %s", r.URL)
	}))
	defer elsewhere.Close()
	signed, err := sign(sha256.Sum256(nil), key, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(proposed(sha256.Sum256(nil), signed))
	if err != nil {
		t.Fatal(err)
	}
	genuine := string(b)
	var mu sync.Mutex
	location := ""
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		mu.Lock()
		defer mu.Unlock()
		switch {
		case location == "hang":
			<-release
		case r.Method == http.MethodPost:
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusConflict)
			w.Write([]byte(`{"code":409,"message":"there"}`))
		case r.URL.Path == "/api/v1/log/entries/"+idOfBody(genuine):
			w.Write([]byte(answerV1(genuine, proofV1)))
		default:
			t.Errorf("it was asked for %s", r.URL)
		}
	}))
	defer server.Close()
	defer close(release)
	c, err := NewClientV1(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	submit := func(at string) error {
		mu.Lock()
		location = at
		mu.Unlock()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Submit(ctx, sha256.Sum256(nil), key)
		return err
	}
	if err := submit(elsewhere.URL + "/api/v1/log/entries/" + idOfBody(genuine)); err != nil {
		t.Errorf("an entry that is there: %v", err)
	}
	for _, at := range []string{"", "/", "/api/v1/log/entries/", "/x/../../etc", "/api/v1/log/entries/" + hash[1:], "/" + strings.Repeat("a", 100)} {
		if err := submit(at); err == nil || !strings.Contains(err.Error(), "names none") {
			t.Errorf("location %q: %v", at, err)
		}
	}
	if err := submit("hang"); err == nil || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("a Rekor that hangs: %v", err)
	}
}

// What comes of an answer is an entry with the same body, or an error.
func FuzzEntryV1(f *testing.F) {
	f.Add([]byte(answerV1(bodyV1, proofV1)))
	f.Add([]byte(answerV1(`{"kind":"hashedrekord","apiVersion":"0.0.1","spec":null}`, proofV1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var log models.LogEntry
		if json.Unmarshal(b, &log) != nil {
			return
		}
		got, err := entryJSON(log)
		if err != nil {
			return
		}
		e, err := verify.ParseLogEntry(got)
		if err != nil {
			return // another reason not to believe it
		}
		for _, answer := range log {
			if want, _ := base64.StdEncoding.DecodeString(fmt.Sprint(answer.Body)); string(want) != string(e.CanonicalizedBody) {
				t.Errorf("body %q, answered %q", e.CanonicalizedBody, want)
			}
			if e.LogIndex != uint64(*answer.LogIndex) {
				t.Errorf("index %d, answered %d", e.LogIndex, *answer.LogIndex)
			}
		}
	})
}
