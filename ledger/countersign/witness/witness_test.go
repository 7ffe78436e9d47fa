package witness_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/countersign/witness"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

const origin = "ledger.example.my/saksi/test"

// logSigner is a log's key, which the name gives.
func logSigner(t testing.TB, name string) (note.Signer, string) {
	t.Helper()
	seed := sha256.Sum256([]byte("log key of " + name))
	private := ed25519.NewKeyFromSeed(seed[:])
	public := append([]byte{1}, private.Public().(ed25519.PublicKey)...)
	sum := sha256.Sum256(append([]byte(name+"\n"), public...))
	id := binary.BigEndian.Uint32(sum[:4])
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, id, base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...))))
	if err != nil {
		t.Fatal(err)
	}
	return signer, fmt.Sprintf("%s+%08x+%s", name, id, base64.StdEncoding.EncodeToString(public))
}

func cosigner(t testing.TB, name string) *torchwood.CosignatureSigner {
	t.Helper()
	seed := sha256.Sum256([]byte("witness key of " + name))
	s, err := torchwood.NewCosignatureSigner(name, ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// forest is a log of numbered leaves, or a fork of it from some leaf on.
type forest struct {
	signer note.Signer
	origin string
	fork   int // leaves from here on are others
	hashes []tlog.Hash
	size   int
}

func (f *forest) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		list[i] = f.hashes[at]
	}
	return list, nil
}

func (f *forest) grow(t testing.TB, n int) {
	for ; f.size < n; f.size++ {
		leaf := fmt.Appendf(nil, "leaf %d", f.size)
		if f.fork > 0 && f.size >= f.fork {
			leaf = append(leaf, " of another history"...)
		}
		hashes, err := tlog.StoredHashes(int64(f.size), leaf, f)
		if err != nil {
			t.Fatal(err)
		}
		f.hashes = append(f.hashes, hashes...)
	}
}

// checkpoint is of the first n leaves, with more signatures if there are signers.
func (f *forest) checkpoint(t testing.TB, n int, more ...note.Signer) []byte {
	t.Helper()
	f.grow(t, n)
	root, err := tlog.TreeHash(int64(n), f)
	if err != nil {
		t.Fatal(err)
	}
	text := torchwood.Checkpoint{Origin: f.origin, Tree: tlog.Tree{N: int64(n), Hash: root}}.String()
	signed, err := note.Sign(&note.Note{Text: text}, append([]note.Signer{f.signer}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (f *forest) proof(t testing.TB, old, n int) tlog.TreeProof {
	t.Helper()
	f.grow(t, n)
	if old == 0 || old >= n {
		return nil
	}
	proof, err := tlog.ProveTree(int64(n), int64(old), f)
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// request asks for a cosignature of the tree of n leaves, as one that continues old.
func (f *forest) request(t testing.TB, old, n int) []byte {
	r := witness.Request{Old: uint64(old), Proof: f.proof(t, old, n), Checkpoint: f.checkpoint(t, n)}
	return r.Marshal()
}

// world is a witness that is served, and a log that it knows.
type world struct {
	*testing.T
	dir     string
	signer  *torchwood.CosignatureSigner
	self    *formats.Cosigner
	witness *witness.Witness
	url     string
	log     *forest
	logKey  string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, dir: t.TempDir(), signer: cosigner(t, "witness.example/w1"), log: &forest{origin: origin}}
	w.log.signer, w.logKey = logSigner(t, origin)
	var err error
	w.self, err = formats.NewCosigner(w.signer.Verifier().String())
	w.must(err)
	w.must(witness.Add(w.dir, witness.Origin{Origin: origin, Key: w.logKey}))
	w.open()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.witness.ServeHTTP(rw, r) }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { w.witness.Close() })
	w.url = server.URL
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) open() {
	w.Helper()
	var err error
	w.witness, err = witness.Open(w.dir, w.signer, slog.New(slog.DiscardHandler))
	w.must(err)
}

// reopen is what a new process finds.
func (w *world) reopen() {
	w.Helper()
	w.must(w.witness.Close())
	w.open()
}

func (w *world) post(body []byte) (status int, contentType, text string) {
	w.Helper()
	response, err := http.Post(w.url+"/add-checkpoint", "text/plain", bytes.NewReader(body))
	w.must(err)
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	w.must(err)
	return response.StatusCode, response.Header.Get("Content-Type"), string(b)
}

// want sends a request that must be answered so; of a cosignature it is checked that
// it holds.
func (w *world) want(name string, body []byte, status int, text string) {
	w.Helper()
	got, contentType, answer := w.post(body)
	if got != status || text != "" && answer != text {
		w.Errorf("%s: %d %q: want %d %q", name, got, answer, status, text)
	}
	switch got {
	case http.StatusOK:
		r, err := witness.ParseRequest(body)
		w.must(err)
		found, err := formats.Cosignatures(append(bytes.Clone(r.Checkpoint), answer...), []*formats.Cosigner{w.self})
		if err != nil || len(found) != 1 || string(found[0].Line) != answer {
			w.Errorf("%s: the answer %q is not one cosignature: %v, %v", name, answer, found, err)
		}
	case http.StatusConflict:
		// Only a size is said to be one: other people's clients ask again from there.
		if _, err := strconv.Atoi(strings.TrimSpace(answer)); (err == nil) != (contentType == "text/x.tlog.size") {
			w.Errorf("%s: a conflict in %s", name, contentType)
		}
	}
}

func (w *world) size() uint64 {
	w.Helper()
	list, err := witness.List(w.dir, w.self)
	w.must(err)
	return list[0].Size
}

// TestAddCheckpoint goes through the answers that the specification has.
func TestAddCheckpoint(t *testing.T) {
	w := newWorld(t)
	stranger := &forest{origin: "somebody.example/else"}
	stranger.signer, _ = logSigner(t, stranger.origin)
	impostor := &forest{origin: origin}
	impostor.signer, _ = logSigner(t, "impostor")
	proofOf := func(old, n int, proof tlog.TreeProof) []byte {
		r := witness.Request{Old: uint64(old), Proof: proof, Checkpoint: w.log.checkpoint(t, n)}
		return r.Marshal()
	}

	w.want("a log that it doesn't know", stranger.request(t, 0, 3), 404, "")
	w.want("another key for a log it knows", impostor.request(t, 0, 3), 403, "")
	w.want("an old size above the checkpoint's", proofOf(4, 3, nil), 400, "")
	w.want("first contact, as if there was one before", w.log.request(t, 2, 3), 409, "0\n")
	w.want("first contact, with a proof", proofOf(0, 3, make(tlog.TreeProof, 1)), 422, "")
	w.want("first contact", w.log.request(t, 0, 3), 200, "")
	w.want("the same again", w.log.request(t, 3, 3), 200, "")
	w.want("the same again, with a proof", proofOf(3, 3, make(tlog.TreeProof, 1)), 422, "")
	w.want("as if it knew nothing", w.log.request(t, 0, 7), 409, "3\n")
	w.want("no proof", proofOf(3, 7, nil), 422, "")
	w.want("a wrong proof", proofOf(3, 7, w.log.proof(t, 2, 7)), 422, "")
	w.want("growth", w.log.request(t, 3, 7), 200, "")
	w.want("back to a smaller tree", w.log.request(t, 3, 5), 409, "7\n")
	w.want("a smaller tree, said to continue a larger", proofOf(7, 5, nil), 400, "")
	if got := w.size(); got != 7 {
		t.Errorf("%d leaves are cosigned", got)
	}

	// Signatures by others on the checkpoint are ignored, whether they hold or not.
	extra := w.log.checkpoint(t, 8, stranger.signer, cosigner(t, "other.example/w"))
	r := witness.Request{Old: 7, Proof: w.log.proof(t, 7, 8), Checkpoint: append(extra, "— nobody AAAAAAAAAAAA\n"...)}
	w.want("signatures by others", r.Marshal(), 200, "")

	for name, body := range map[string]string{
		"nothing":                "",
		"no old size":            strings.Replace(string(w.log.request(t, 8, 9)), "old 8", "new 8", 1),
		"an old size with a 0":   strings.Replace(string(w.log.request(t, 8, 9)), "old 8", "old 08", 1),
		"an old size below 0":    strings.Replace(string(w.log.request(t, 8, 9)), "old 8", "old -8", 1),
		"64 hashes":              string(proofOf(8, 9, make(tlog.TreeProof, 64))),
		"no checkpoint":          "old 8\n\n" + origin + "\n",
		"no note":                "old 8\n\n" + origin + "\n9\nAAAA\n",
		"a checkpoint of no log": "old 8\n\n" + signedText(t, w.log.signer, origin+"\nnine\nAAAA\n"),
		"a tree of 2^62 leaves":  "old 8\n\n" + signedText(t, w.log.signer, fmt.Sprintf("%s\n%d\n%s\n", origin, uint64(1)<<62+1, tlog.Hash{})),
		"an empty line after":    "old 8\n\n" + signedText(t, w.log.signer, fmt.Sprintf("%s\n%d\n%s\n\nmore\n", origin, 9, tlog.Hash{})),
		"a megabyte":             "old 8\n" + strings.Repeat("x", 1<<20),
	} {
		w.want(name, []byte(body), 400, "")
	}
	if got := w.size(); got != 8 {
		t.Errorf("%d leaves are cosigned after what was malformed", got)
	}
}

func signedText(t *testing.T, signer note.Signer, text string) string {
	t.Helper()
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

// TestFork: a second history is never cosigned, at whatever leaf it begins, and what
// shows it is kept.
func TestFork(t *testing.T) {
	for _, at := range []int{1, 4, 6} {
		w := newWorld(t)
		w.want("the first history", w.log.request(t, 0, 7), 200, "")
		second := &forest{origin: origin, signer: w.log.signer, fork: at}
		w.want("another root of the same size", second.request(t, 7, 7), 409, "the log has signed another root of that size before\n")
		w.want("the same, by a client that forgot", second.request(t, 0, 7), 409, "7\n")
		w.want("a second history that grew", second.request(t, 7, 9), 422, "")
		w.want("and a third time", second.request(t, 7, 9), 422, "")
		list, err := witness.List(w.dir, w.self)
		w.must(err)
		if list[0].Size != 7 || list[0].Evidence != 3 {
			t.Errorf("forked at %d: %d leaves are cosigned, %d requests kept", at, list[0].Size, list[0].Evidence)
		}
		// What is kept is enough for anybody who has the log's key: two roots of a size.
		files, err := filepath.Glob(filepath.Join(w.dir, "*", "evidence", "*.request"))
		w.must(err)
		log, err := formats.NewLog(w.logKey)
		w.must(err)
		forked := 0
		for _, file := range files {
			body, err := os.ReadFile(file)
			w.must(err)
			r, err := witness.ParseRequest(body)
			w.must(err)
			refused, err := log.OpenCheckpoint(r.Checkpoint)
			w.must(err)
			before, err := os.ReadFile(strings.TrimSuffix(file, ".request") + ".cosigned")
			w.must(err)
			cosigned, err := log.OpenCheckpoint(before)
			w.must(err)
			if refused.Size == cosigned.Size && refused.Root != cosigned.Root {
				forked++
			}
		}
		if forked != 2 {
			t.Errorf("forked at %d: %d pairs of one size", at, forked)
		}
		w.reopen()
		w.want("the second history, after a restart", second.request(t, 7, 9), 422, "")
		w.want("the first history goes on", w.log.request(t, 7, 12), 200, "")
	}
}

// TestEvidenceIsBounded: a log's owner can't fill the witness's disk.
func TestEvidenceIsBounded(t *testing.T) {
	w := newWorld(t)
	w.want("the first history", w.log.request(t, 0, 7), 200, "")
	second := &forest{origin: origin, signer: w.log.signer, fork: 2}
	for n := range 100 {
		w.want("a second history", second.request(t, 7, 8+n), 422, "")
	}
	if list, err := witness.List(w.dir, w.self); err != nil || list[0].Evidence != 64 {
		t.Errorf("%d requests are kept, %v", list[0].Evidence, err)
	}
}

// TestManyLogs: each has its own state, and one that is added while the witness runs
// is taken up.
func TestManyLogs(t *testing.T) {
	w := newWorld(t)
	logs := []*forest{w.log}
	for i := range 20 {
		f := &forest{origin: fmt.Sprintf("log-%d.example/tree", i)}
		var key string
		f.signer, key = logSigner(t, f.origin)
		w.want("before it is added", f.request(t, 0, 3), 404, "")
		w.must(witness.Add(w.dir, witness.Origin{Origin: f.origin, Key: key}))
		logs = append(logs, f)
	}
	var group sync.WaitGroup
	for i, f := range logs {
		group.Go(func() {
			w.want(f.origin, f.request(t, 0, i+1), 200, "")
			w.want(f.origin, f.request(t, i+1, 2*i+2), 200, "")
		})
	}
	group.Wait()
	w.reopen()
	for i, f := range logs {
		w.want(f.origin, f.request(t, 0, 50), 409, strconv.Itoa(2*i+2)+"\n")
	}
	_, key := logSigner(t, "another-key")
	if err := witness.Add(w.dir, witness.Origin{Origin: origin, Key: key}); err == nil {
		t.Error("a log's key was changed")
	}
	if err := witness.Add(w.dir, witness.Origin{Origin: origin, Key: w.logKey}); err == nil {
		t.Error("a log was added twice, and began anew")
	}
}

// TestKeyOfAnotherName: the name of a log's key needn't be its origin.
func TestKeyOfAnotherName(t *testing.T) {
	w := newWorld(t)
	f := &forest{origin: "rekor.example - 7"}
	var key string
	f.signer, key = logSigner(t, "rekor.example")
	w.must(witness.Add(w.dir, witness.Origin{Origin: f.origin, Key: key}))
	w.want("another name", f.request(t, 0, 3), 200, "")
	w.want("the key's name as the origin", (&forest{origin: "rekor.example", signer: f.signer}).request(t, 0, 3), 404, "")
}

// TestTwoAtTheSameTime: of requests that continue one tree, in two histories, one side
// is cosigned, and what is remembered never goes back.
func TestTwoAtTheSameTime(t *testing.T) {
	w := newWorld(t)
	w.want("the beginning", w.log.request(t, 0, 5), 200, "")
	second := &forest{origin: origin, signer: w.log.signer, fork: 5}
	var bodies [][]byte
	for n := 6; n < 20; n++ {
		bodies = append(bodies, w.log.request(t, 5, n), second.request(t, 5, n))
	}
	var mu sync.Mutex
	var cosigned [][]byte
	var group sync.WaitGroup
	for _, body := range bodies {
		group.Go(func() {
			switch status, _, answer := w.post(body); status {
			case 200:
				mu.Lock()
				cosigned = append(cosigned, body)
				mu.Unlock()
			case 409:
			default:
				t.Errorf("%d %q", status, answer)
			}
		})
	}
	group.Wait()
	if len(cosigned) != 1 {
		t.Fatalf("%d of them are cosigned: want 1", len(cosigned))
	}
	r, err := witness.ParseRequest(cosigned[0])
	w.must(err)
	if want := strings.Split(string(r.Checkpoint), "\n")[1]; strconv.FormatUint(w.size(), 10) != want {
		t.Errorf("%s leaves were cosigned, and %d are remembered", want, w.size())
	}
}

// TestWritesThatFail: state that was written and reported as failed, or wasn't
// written, is never the ground for a second history.
func TestWritesThatFail(t *testing.T) {
	broken := errors.New("the disk says no")
	for name, write := range map[string]func(string, []byte, os.FileMode) error{
		"persisted, and reported as failed": func(path string, b []byte, mode os.FileMode) error {
			return errors.Join(witness.WriteFile(path, b, mode), broken)
		},
		"not persisted": func(string, []byte, os.FileMode) error { return broken },
	} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, restart %v", name, restart), func(t *testing.T) {
				w := newWorld(t)
				w.want("the beginning", w.log.request(t, 0, 5), 200, "")
				w.witness.FailWrites(write)
				w.want("while writing fails", w.log.request(t, 5, 7), 500, "it can't be cosigned now\n")
				persisted := w.size() == 7
				if restart {
					w.reopen()
				} else {
					written := 0
					w.witness.FailWrites(func(path string, b []byte, mode os.FileMode) error {
						written++
						return witness.WriteFile(path, b, mode)
					})
					defer func() {
						if written == 0 {
							t.Error("what is in doubt was cosigned without being written again")
						}
					}()
				}
				second := &forest{origin: origin, signer: w.log.signer, fork: 5}
				if !persisted {
					// Nothing was cosigned of the first history: this is no fork as yet.
					w.want("the client asks again", w.log.request(t, 5, 7), 200, "")
				} else {
					w.want("the client asks again", w.log.request(t, 5, 7), 409, "7\n")
					w.want("and as the witness says", w.log.request(t, 7, 7), 200, "")
				}
				w.want("a second history", second.request(t, 5, 8), 409, "7\n")
				w.want("the same, from there", second.request(t, 7, 8), 422, "")
				w.reopen()
				w.want("the first goes on", w.log.request(t, 7, 9), 200, "")
			})
		}
	}
}

// TestStateThatIsNone: a witness that can't know what it cosigned does not begin anew.
func TestStateThatIsNone(t *testing.T) {
	for name, how := range map[string]func(path string) error{
		"lost":  os.Remove,
		"empty": func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"cut":   func(path string) error { return os.Truncate(path, 60) },
		"of the log alone": func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			at := bytes.Index(b, []byte("— witness.example"))
			return os.WriteFile(path, b[:at], 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.want("the beginning", w.log.request(t, 0, 5), 200, "")
			states, err := filepath.Glob(filepath.Join(w.dir, "*", "state"))
			w.must(err)
			w.must(how(states[0]))
			w.must(w.witness.Close())
			again, err := witness.Open(w.dir, w.signer, slog.New(slog.DiscardHandler))
			if err == nil {
				again.Close()
				t.Fatal("it opens")
			}
			var hinted interface{ Hint() string }
			if !errors.As(err, &hinted) || !strings.Contains(hinted.Hint(), "Make a new witness") {
				t.Errorf("%v says not what to do", err)
			}
		})
	}
}

// TestOneProcess: two witnesses on one directory could cosign two histories.
func TestOneProcess(t *testing.T) {
	w := newWorld(t)
	if again, err := witness.Open(w.dir, w.signer, slog.New(slog.DiscardHandler)); err == nil {
		again.Close()
		t.Error("it is opened twice")
	}
}

// TestShown: who it is, what it cosigned, and the last checkpoint of each log.
func TestShown(t *testing.T) {
	w := newWorld(t)
	get := func(path string, want int) string {
		t.Helper()
		response, err := http.Get(w.url + path)
		w.must(err)
		defer response.Body.Close()
		b, err := io.ReadAll(response.Body)
		w.must(err)
		if response.StatusCode != want {
			t.Errorf("GET %s: %s %s", path, response.Status, b)
		}
		return string(b)
	}
	get("/checkpoint?origin="+origin, 404)
	w.want("the beginning", w.log.request(t, 0, 5), 200, "")
	if got, want := get("/", 200), "witness "+w.self.Key()+"\nlog "+origin+" 5\n"; got != want {
		t.Errorf("it shows %q: want %q", got, want)
	}
	latest := []byte(get("/checkpoint?origin="+origin, 200))
	if found, err := formats.Cosignatures(latest, []*formats.Cosigner{w.self}); err != nil || len(found) != 1 {
		t.Errorf("the last checkpoint has the cosignatures %v, %v", found, err)
	}
	get("/checkpoint?origin=", 404)
	get("/add-checkpoint", 405)
	get("/x", 404)
}

// FuzzParseRequest holds that a request has one written form.
func FuzzParseRequest(f *testing.F) {
	signer, _ := logSigner(f, origin)
	log := &forest{origin: origin, signer: signer}
	for _, n := range [][2]int{{0, 1}, {3, 7}, {7, 7}, {200, 300}} {
		f.Add(log.request(f, n[0], n[1]))
	}
	f.Add([]byte("old 0\n\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := witness.ParseRequest(body)
		if err != nil {
			return
		}
		if again := r.Marshal(); !bytes.Equal(again, body) {
			t.Errorf("%q\nis written again as\n%q", body, again)
		}
	})
}
