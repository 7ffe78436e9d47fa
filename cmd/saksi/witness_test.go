package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ledger/countersign/witness"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// growing is a log in memory that only grows.
type growing struct {
	signer note.Signer
	hashes []tlog.Hash
	size   int64
}

func (g *growing) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		list[i] = g.hashes[at]
	}
	return list, nil
}

// request grows the log by a leaf, and asks for a cosignature.
func (g *growing) request(t *testing.T, old uint64) (request []byte, size uint64, checkpoint []byte) {
	hashes, err := tlog.StoredHashes(g.size, fmt.Appendf(nil, "%d", g.size), g)
	must(t, err)
	g.hashes = append(g.hashes, hashes...)
	g.size++
	root, err := tlog.TreeHash(g.size, g)
	must(t, err)
	checkpoint, err = note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", g.signer.Name(), g.size, root)}, g.signer)
	must(t, err)
	r := witness.Request{Old: old, Checkpoint: checkpoint}
	if old > 0 {
		r.Proof, err = tlog.ProveTree(g.size, int64(old), g)
		must(t, err)
	}
	return r.Marshal(), uint64(g.size), checkpoint
}

// TestWitnessKilled kills a witness with -9 at any moment: what it has cosigned it
// remembers.
func TestWitnessKilled(t *testing.T) {
	slowtest.Skip(t, "kills a witness in a loop")
	tmp := t.TempDir()
	binary, home := program(t), filepath.Join(tmp, "w")
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(binary, args...).CombinedOutput(); err != nil {
			t.Fatalf("saksi %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	secret, public, err := note.GenerateKey(rand.Reader, "ledger.example.my/killed")
	must(t, err)
	signer, err := note.NewSigner(secret)
	must(t, err)
	log := &growing{signer: signer}
	run("witness", "init", "--home", home, "witness.example/killed")
	run("witness", "add", "--home", home, public)

	var cosigned uint64 // what an answer was seen for
	var self *formats.Cosigner
	for round := range crashRounds() {
		serve := exec.Command(binary, "witness", "serve", "--home", home, "--listen", "127.0.0.1:0")
		out, err := serve.StdoutPipe()
		must(t, err)
		var logged bytes.Buffer
		serve.Stderr = &logged
		must(t, serve.Start())
		lines := bufio.NewScanner(out)
		field := func() string {
			if !lines.Scan() {
				serve.Wait()
				t.Fatalf("round %d: it says no more: %s", round, logged.String())
			}
			return strings.Fields(lines.Text())[1]
		}
		key, url := field(), field()
		if self == nil {
			self, err = formats.NewCosigner(key)
			must(t, err)
		}
		kill := time.AfterFunc(time.Duration(20+37*round%90)*time.Millisecond, func() { serve.Process.Signal(syscall.SIGKILL) })
		client := &http.Client{Timeout: 5 * time.Second}
		for old := cosigned; ; {
			request, size, checkpoint := log.request(t, old)
			response, err := client.Post(url+"/add-checkpoint", "text/plain", bytes.NewReader(request))
			if err != nil {
				break // killed
			}
			answer, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil {
				break
			}
			switch response.StatusCode {
			case http.StatusOK:
				found, err := formats.Cosignatures(append(bytes.Clone(checkpoint), answer...), []*formats.Cosigner{self})
				if err != nil || len(found) != 1 {
					t.Fatalf("round %d: what it answers is no cosignature: %v", round, err)
				}
				old, cosigned = size, size
			case http.StatusConflict: // it kept one whose answer did not come
				var kept uint64
				fmt.Sscanf(string(answer), "%d", &kept)
				if kept < cosigned {
					t.Fatalf("round %d: it cosigned %d leaves, and remembers %d", round, cosigned, kept)
				}
				old = kept
			default:
				t.Fatalf("round %d: %s: %s", round, response.Status, answer)
			}
		}
		serve.Wait()
		kill.Stop()
	}
	if cosigned == 0 {
		t.Error("nothing was cosigned in all rounds")
	}
	// It is sound at the end: no more, and no less.
	list, err := witness.List(filepath.Join(home, "logs"), self)
	must(t, err)
	if list[0].Size < cosigned || list[0].Size > uint64(log.size) {
		t.Errorf("it remembers %d leaves, of which it cosigned %d, of a log of %d", list[0].Size, cosigned, log.size)
	}
}
