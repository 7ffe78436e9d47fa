package rekor_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// newAttackerV1 stands before the Rekor v1 that .ci/rekor-v1 started, which is everybody's.
func newAttackerV1(t *testing.T) *attacker {
	t.Helper()
	real := rekorV1(t)
	other, keyFile := os.Getenv("SAKSI_REKOR_V1_OTHER"), os.Getenv("SAKSI_REKOR_V1_KEY")
	if other == "" || keyFile == "" {
		t.Fatal("SAKSI_REKOR_V1_OTHER names no other Rekor v1, or SAKSI_REKOR_V1_KEY no key, though there is a Rekor v1")
	}
	text, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	a := &attacker{real: real.URL, other: other, key: private.(*ecdsa.PrivateKey), dialect: dialect{
		origin: real.Trusted.Origin,
		entry: func(answer map[string]any) map[string]any {
			for _, e := range answer {
				return e.(map[string]any)
			}
			panic("there is no entry")
		},
		holder:     func(e map[string]any) map[string]any { return e["verification"].(map[string]any) },
		envelopeOf: func(p map[string]any) string { return p["checkpoint"].(string) },
		setEnvelope: func(p map[string]any, text string) {
			p["checkpoint"] = text
		},
		flipped: flippedHex,
		rootOf: func(root string) string {
			b, err := base64.StdEncoding.DecodeString(root)
			if err != nil {
				panic(err)
			}
			return hex.EncodeToString(b)
		},
		number:   func(n uint64) any { return json.Number(fmt.Sprint(n)) },
		otherLog: func(id any) any { return flippedHex(id) },
		body:     "body", logID: "logID", log: "/api/v1/log/entries",
	}}
	a.spec = ",version=1,name=far,origin=" + real.Trusted.Origin + ",key=" + keyV1(t, real.Trusted.Key)
	a.start(t)
	return a
}

// keyV1 is a file with a key as trust files have it.
func keyV1(t *testing.T, key string) string {
	t.Helper()
	path := t.TempDir() + "/key"
	if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func flippedHex(text any) string {
	b, err := hex.DecodeString(text.(string))
	if err != nil || len(b) == 0 {
		panic(fmt.Sprint(text, err))
	}
	b[len(b)/2] ^= 1
	return hex.EncodeToString(b)
}

// idOf is the id by which an answer names its entry.
func idOf(answer []byte) string {
	for id := range decoded(answer) {
		return id
	}
	panic("there is no entry")
}

// renamed answers with the real entry under another id.
func renamed(rename func(a *attacker, id string) string) func(*attacker, http.ResponseWriter, *http.Request) {
	return reshaped(func(a *attacker, answer map[string]any) {
		for id, e := range answer {
			delete(answer, id)
			answer[rename(a, id)] = e
			return
		}
	})
}

// reshaped changes the whole of an answer that has an entry.
func reshaped(change func(a *attacker, answer map[string]any)) func(*attacker, http.ResponseWriter, *http.Request) {
	return func(a *attacker, w http.ResponseWriter, r *http.Request) {
		answer := forward(a.real, r)
		body := answer.Body.Bytes()
		if hasEntry(answer) {
			whole := decoded(body)
			change(a, whole)
			body = encoded(whole)
		}
		pass(w, answer, body)
	}
}

// typed answers rightly, and says that it is of another type.
func typed(mediaType string) func(*attacker, http.ResponseWriter, *http.Request) {
	return func(a *attacker, w http.ResponseWriter, r *http.Request) {
		answer := forward(a.real, r)
		w.Header()["Content-Type"] = nil
		if mediaType != "" {
			w.Header().Set("Content-Type", mediaType)
		}
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	}
}

// conflicting says of every entry that it is there already, at a location, the right one
// if at is nil; get answers who asks for it, rightly if it is nil.
func conflicting(at func(a *attacker, location string) string, get func(a *attacker, w http.ResponseWriter, r *http.Request)) func(*attacker, http.ResponseWriter, *http.Request) {
	return func(a *attacker, w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			if get != nil {
				get(a, w, r)
				return
			}
			answer := forward(a.real, r)
			pass(w, answer, answer.Body.Bytes())
			return
		}
		location := forward(a.real, r).Header().Get("Location") // whether it is new or not
		if at != nil {
			location = at(a, location)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusConflict)
		io.WriteString(w, `{"code":409,"message":"an equivalent entry already exists in the transparency log"}`)
	}
}

func (a *attacker) locationOf(answer []byte) string { return a.log + "/" + idOf(answer) }

// setSigned sets the signed entry timestamp.
func setSigned(e map[string]any, to any) {
	e["verification"].(map[string]any)["signedEntryTimestamp"] = to
}

func signedOf(e map[string]any) any {
	return e["verification"].(map[string]any)["signedEntryTimestamp"]
}

// lyingRoot answers with the real entry in a tree that isn't the Rekor's, of as many
// entries as size says, and signed by the Rekor's own key.
func lyingRoot(size func(before, now uint64) uint64) func(a *attacker, e map[string]any) {
	return func(a *attacker, e map[string]any) {
		p := a.proofOf(e)
		n := size(number(a.proofOf(a.before())["treeSize"]), number(p["treeSize"]))
		body, err := base64.StdEncoding.DecodeString(e["body"].(string))
		if err != nil {
			panic(err)
		}
		index := min(n-1, number(e["logIndex"]))
		root, path := someTree(n, index, tlog.RecordHash(body))
		hashes := make([]any, len(path))
		for i, h := range path {
			hashes[i] = hex.EncodeToString(h[:])
		}
		origin, _, _ := strings.Cut(a.envelopeOf(p), "\n")
		p["treeSize"], p["logIndex"], p["rootHash"], p["hashes"] = a.number(n), a.number(index), hex.EncodeToString(root[:]), hashes
		a.setEnvelope(p, a.signed(fmt.Sprintf("%s\n%d\n%s\n", origin, n, root)))
	}
}

// someTree returns the root of a tree of n entries of which only that at index is known,
// and the path from there.
func someTree(n, index uint64, leaf tlog.Hash) (tlog.Hash, []tlog.Hash) {
	if n == 1 {
		return leaf, nil
	}
	half := uint64(1)
	for half*2 < n {
		half *= 2
	}
	var other tlog.Hash
	rand.Read(other[:])
	if index < half {
		root, path := someTree(half, index, leaf)
		return tlog.NodeHash(root, other), append(path, other)
	}
	root, path := someTree(n-half, index-half, leaf)
	return tlog.NodeHash(other, root), append(path, other)
}

// signed makes a note by the Rekor's own key.
func (a *attacker) signed(text string) string {
	der, err := x509.MarshalPKIXPublicKey(a.key.Public())
	if err != nil {
		panic(err)
	}
	id, digest := sha256.Sum256(der), sha256.Sum256([]byte(text))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	if err != nil {
		panic(err)
	}
	return text + "\n— " + a.origin + " " + base64.StdEncoding.EncodeToString(append(id[:4], signature...)) + "\n"
}

// growing changes the proof that the tree only grew.
func growing(change func(proof map[string]any)) func(*attacker, http.ResponseWriter, *httptest.ResponseRecorder) {
	return func(_ *attacker, w http.ResponseWriter, honest *httptest.ResponseRecorder) {
		proof := decoded(honest.Body.Bytes())
		change(proof)
		pass(w, honest, encoded(proof))
	}
}

const notSigned = "the signature over its time does not hold"

var onlyV1 = []attack{
	// The signed entry timestamp, and what it is over.
	{name: "no signed time", says: "has no signed time", edit: func(_ *attacker, e map[string]any) {
		delete(e["verification"].(map[string]any), "signedEntryTimestamp")
	}},
	{name: "an empty signed time", says: "has no signed time", edit: func(_ *attacker, e map[string]any) { setSigned(e, "") }},
	{name: "a bit of the signed time", says: notSigned, edit: func(_ *attacker, e map[string]any) { setSigned(e, flippedBase64(signedOf(e))) }},
	{name: "the signed time of another entry", says: notSigned, edit: func(a *attacker, e map[string]any) { setSigned(e, signedOf(a.before())) }},
	{name: "the signed time by another's key", says: notSigned, whole: func(a *attacker, w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		ask := func(base string) *httptest.ResponseRecorder {
			again := r.Clone(r.Context())
			again.Body = io.NopCloser(strings.NewReader(string(body)))
			return forward(base, again)
		}
		// What each has once it is there already, it is asked for by its name.
		entry := func(base string) (*httptest.ResponseRecorder, []byte) {
			answer := ask(base)
			if location := answer.Header().Get("Location"); answer.Code == http.StatusConflict {
				get := httptest.NewRequestWithContext(r.Context(), http.MethodGet, location, nil)
				return answer, forward(base, get).Body.Bytes()
			}
			return answer, answer.Body.Bytes()
		}
		_, real := entry(a.real)
		_, others := entry(a.other)
		answer := decoded(real)
		setSigned(a.entry(answer), signedOf(a.entry(decoded(others))))
		created(w, encoded(answer))
	}},
	{name: "a second later", says: notSigned, edit: func(a *attacker, e map[string]any) { e["integratedTime"] = a.number(number(e["integratedTime"]) + 1) }},
	{name: "a year earlier", says: notSigned, edit: func(a *attacker, e map[string]any) {
		e["integratedTime"] = a.number(number(e["integratedTime"]) - 365*86400)
	}},
	{name: "no time", says: "no index, time or proof", edit: func(_ *attacker, e map[string]any) { delete(e, "integratedTime") }},
	{name: "the year 1970", says: "has no signed time", edit: func(a *attacker, e map[string]any) { e["integratedTime"] = a.number(0) }},
	{name: "a time before 1970", says: "negative number", edit: func(_ *attacker, e map[string]any) { e["integratedTime"] = json.Number("-1") }},
	{name: "the first index of all", says: "its index over all shards is 0", edit: func(a *attacker, e map[string]any) { e["logIndex"] = a.number(0) }},
	{name: "a negative index", says: "negative number", edit: func(_ *attacker, e map[string]any) { e["logIndex"] = json.Number("-1") }},
	{name: "another entry but for its body", says: "does not lead to the root", edit: func(a *attacker, e map[string]any) {
		body := e["body"]
		for name, value := range a.before() {
			e[name] = value
		}
		e["body"] = body
	}},

	// The names: of the entry, and of the tree.
	{name: "the body and name of another entry", says: "does not lead to the root", whole: reshaped(func(a *attacker, answer map[string]any) {
		e := a.entry(answer)
		clear(answer)
		e["body"] = a.before()["body"]
		answer[idOf(a.last())] = e
	})},
	{name: "the name of another entry", says: "is not that of its body", whole: renamed(func(a *attacker, _ string) string { return idOf(a.last()) })},
	{name: "a bit of its name", says: "is not that of its body", whole: renamed(func(_ *attacker, id string) string { return id[:16] + flippedHex(id[16:]) })},
	{name: "another tree in its name", says: "names another tree", whole: renamed(func(_ *attacker, id string) string { return flippedHex(id[:16]) + id[16:] })},
	{name: "no name", says: "is not that of its body", whole: renamed(func(_ *attacker, id string) string { return "" })},
	{name: "another tree in the checkpoint", says: "names another tree", edit: func(a *attacker, e map[string]any) {
		p := a.proofOf(e)
		a.setEnvelope(p, strings.Replace(a.envelopeOf(p), "\n", "0\n", 1))
	}},
	{name: "another tree in all of it", says: "its checkpoint: ", whole: reshaped(func(a *attacker, answer map[string]any) {
		id, e := idOf(encoded(answer)), a.entry(answer)
		clear(answer)
		answer[fmt.Sprintf("%016x", 7)+id[16:]] = e
		p := a.proofOf(e)
		_, rest, _ := strings.Cut(a.envelopeOf(p), "\n")
		a.setEnvelope(p, a.origin+" - 7\n"+rest)
	})},
	{name: "two entries", says: "with 2 entries", whole: reshaped(func(a *attacker, answer map[string]any) { answer[idOf(a.last())] = a.before() })},
	{name: "null in the place of an entry", says: "no index, time or proof", whole: reshaped(func(a *attacker, answer map[string]any) {
		for id := range answer {
			answer[id] = nil
		}
	})},

	// How it is sent.
	{name: "it says that it is HTML", says: "text/html", whole: typed("text/html")},
	{name: "it says that it is YAML", says: "application/x-yaml", whole: typed("application/x-yaml")},
	{name: "it says that it is XML", says: "application/xml", whole: typed("application/xml; charset=utf-8")},
	{name: "it doesn't say what it is", says: "and not JSON", whole: typed("")},

	// An entry that is there already, so that it is asked for.
	{name: "there already, as another entry", says: "other bytes", whole: conflicting(func(a *attacker, _ string) string { return a.locationOf(a.last()) }, nil)},
	{name: "there already, as another's entry", says: "other bytes", whole: conflicting(func(a *attacker, _ string) string { return a.other + a.locationOf(a.last()) }, nil)},
	{name: "there already, nowhere", says: "names none", whole: conflicting(func(*attacker, string) string { return "" }, nil)},
	{name: "there already, in another place", says: "names none", whole: conflicting(func(*attacker, string) string { return "/api/v1/log/publicKey" }, nil)},
	{name: "there already, and another is given", says: "asked for the entry", whole: conflicting(nil, func(a *attacker, w http.ResponseWriter, _ *http.Request) {
		pass(w, &httptest.ResponseRecorder{Code: http.StatusOK}, a.last())
	})},
	{name: "there already, and another's is given", says: "names another log by its id", whole: func(a *attacker, w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			answer := forward(a.other, r)
			pass(w, answer, answer.Body.Bytes())
			return
		}
		location := forward(a.other, r).Header().Get("Location")
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusConflict)
		io.WriteString(w, `{"code":409,"message":"it is there"}`)
	}},
	{name: "there already, a second later", says: notSigned, whole: conflicting(nil, func(a *attacker, w http.ResponseWriter, r *http.Request) {
		a.passEdited(w, forward(a.real, r), func(a *attacker, e map[string]any) { e["integratedTime"] = a.number(number(e["integratedTime"]) + 1) })
	})},
	{name: "there already, and not found", says: "read the entry that the Rekor has already", whole: conflicting(nil, func(_ *attacker, w http.ResponseWriter, _ *http.Request) {
		pass(w, &httptest.ResponseRecorder{Code: http.StatusNotFound}, []byte(`{"code":404,"message":"not found"}`))
	})},
	{name: "there already, and half of it comes", says: "unexpected EOF", whole: conflicting(nil, func(a *attacker, w http.ResponseWriter, r *http.Request) {
		answer := forward(a.real, r)
		pass(w, answer, answer.Body.Bytes()[:answer.Body.Len()/2])
	})},
	{name: "there already, and it never comes", says: "no answer in time", whole: conflicting(nil, func(a *attacker, _ http.ResponseWriter, r *http.Request) { hang(a, r) })},
	{name: "there already, as 10 GB", says: "more than 1048576 bytes", whole: conflicting(nil, func(a *attacker, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		endless(a, w, spaces, 10<<10)
	})},
	{name: "there already, elsewhere", says: "302", whole: conflicting(nil, func(a *attacker, w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, a.other+r.URL.Path, http.StatusFound)
	})},

	// That its tree only grew.
	{name: "growth of other sizes", says: "is not consistent", growth: func(a *attacker, w http.ResponseWriter, _ *httptest.ResponseRecorder) {
		size := number(a.proofOf(a.before())["treeSize"])
		query := url.Values{"firstSize": {fmt.Sprint(size - 1)}, "lastSize": {fmt.Sprint(size)}}
		answer := forward(a.real, httptest.NewRequest(http.MethodGet, "/api/v1/log/proof?"+query.Encode(), nil))
		pass(w, answer, answer.Body.Bytes())
	}},
	{name: "growth, a hash changed", says: "is not consistent", growth: growing(func(p map[string]any) {
		hashes := p["hashes"].([]any)
		hashes[0] = flippedHex(hashes[0])
	})},
	{name: "growth, a hash less", says: "is not consistent", growth: growing(func(p map[string]any) { p["hashes"] = p["hashes"].([]any)[1:] })},
	{name: "growth, a hash more", says: "is not consistent", growth: growing(func(p map[string]any) { p["hashes"] = append(p["hashes"].([]any), p["hashes"].([]any)[0]) })},
	{name: "growth, no hashes", says: "is not consistent", growth: growing(func(p map[string]any) { p["hashes"] = []any{} })},
	{name: "growth, null", says: "is not consistent", growth: growing(func(p map[string]any) { p["hashes"] = nil })},
	{name: "growth, a hash of none", says: "is not the hexadecimal", growth: growing(func(p map[string]any) { p["hashes"].([]any)[0] = "zz" })},
	{name: "growth, a thousand hashes", says: "answered with no proof", growth: growing(func(p map[string]any) {
		for range 1000 {
			p["hashes"] = append(p["hashes"].([]any), p["hashes"].([]any)[0])
		}
	})},
	{name: "growth, as HTML", says: "text/html", growth: func(_ *attacker, w http.ResponseWriter, honest *httptest.ResponseRecorder) {
		w.Header().Set("Content-Type", "text/html")
		w.Write(honest.Body.Bytes())
	}},

	// What only the Rekor itself can do: all of it is rightly signed.
	{name: "a tree of this entry alone, by the Rekor's own key", says: "does not prove that its tree", edit: lyingRoot(func(_, _ uint64) uint64 { return 1 })},
	{name: "another tree of as many as before, by the Rekor's own key", says: "it has signed two trees of", edit: lyingRoot(func(before, _ uint64) uint64 { return before })},
	{name: "another tree of as many as now, by the Rekor's own key", says: "does not prove that its tree", edit: lyingRoot(func(_, now uint64) uint64 { return now })},
	{name: "a tree that it doesn't have, by the Rekor's own key", says: "ask the Rekor to prove", edit: lyingRoot(func(_, now uint64) uint64 { return now + 1000 })},
}
