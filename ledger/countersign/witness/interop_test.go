package witness_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/mod/sumdb/note"
	_ "modernc.org/sqlite"

	"github.com/saksi-ledger/saksi/ledger/countersign/witness"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// program returns somebody else's program, which .ci/run builds.
func program(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("SAKSI_TOOLS")
	if dir == "" {
		t.Skipf("%s is not here: SAKSI_TOOLS names no directory of other people's programs (.ci/run builds them)", name)
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not here: %v (.ci/run builds it)", name, err)
	}
	return path
}

// start runs a program until the test ends.
func start(t *testing.T, path string, args ...string) {
	t.Helper()
	command := exec.Command(path, args...)
	command.Stdout, command.Stderr = t.Output(), t.Output()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
	})
}

// freeAddress is one that nobody listens on now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// cosignedBy has a ledger cosigned by somebody else's witness, as it grows, and again
// by a new process that remembers nothing.
func cosignedBy(s *site, vkey, address string) {
	s.Helper()
	s.until("it listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	policy, err := formats.ParsePolicy(fmt.Appendf(nil, "witness other %s http://%s/\nquorum other\n", vkey, address))
	s.must(err)
	size := s.grow(300)
	collector, stop := s.run(s.config(policy))
	s.until("it cosigns the first leaves", func() bool { return s.covered(policy, size) })
	for range 3 {
		size = s.grow(40)
		s.until("it cosigns more", func() bool { return s.covered(policy, size) })
	}
	s.until("it is well", func() bool {
		w := collector.Status().Witnesses[0]
		return w.Size >= size && w.Error == "" && time.Since(w.Time) < time.Hour
	})
	stop()
	if len(s.recorded(policy)) < 4 {
		s.Error("what it cosigned is not recorded")
	}
	s.must(os.Remove(filepath.Join(s.dir, "status.json")))
	s.run(s.config(policy))
	size = s.grow(1)
	s.until("it tells a client that forgot how far it is", func() bool { return s.covered(policy, size) })
}

// TestLitewitness: torchwood's witness cosigns our ledger.
func TestLitewitness(t *testing.T) {
	litewitness := program(t, "litewitness")
	sshAgent, err := exec.LookPath("ssh-agent")
	if err != nil {
		t.Skip("litewitness signs by an ssh-agent, and there is none here")
	}
	s := newSite(t)
	// A Unix socket's path is short.
	dir, err := os.MkdirTemp("", "saksi")
	s.must(err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "agent")
	start(t, sshAgent, "-D", "-a", socket)
	s.until("the agent listens", func() bool { _, err := os.Stat(socket); return err == nil })
	_, private, err := ed25519.GenerateKey(rand.Reader)
	s.must(err)
	conn, err := net.Dial("unix", socket)
	s.must(err)
	defer conn.Close()
	s.must(agent.NewClient(conn).Add(agent.AddedKey{PrivateKey: private}))
	public, err := ssh.NewPublicKey(private.Public())
	s.must(err)
	signer, err := torchwood.NewCosignatureSigner("witness.example/lite", private)
	s.must(err)
	// Its witnessctl, which would tell it of the log, needs modules that not everybody
	// can get: this is what it writes.
	database := filepath.Join(dir, "litewitness.db")
	db, err := sql.Open("sqlite", database)
	s.must(err)
	empty := sha256.Sum256(nil)
	for _, statement := range []string{
		`CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL)`,
		`CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin))`,
		fmt.Sprintf(`INSERT INTO log VALUES ('%s', 0, '%s')`, s.Log.Origin(), base64.StdEncoding.EncodeToString(empty[:])),
		fmt.Sprintf(`INSERT INTO key VALUES ('%s', '%s')`, s.Log.Origin(), s.Log.Key()),
	} {
		_, err := db.Exec(statement)
		s.must(err)
	}
	s.must(db.Close())
	address := freeAddress(t)
	start(t, litewitness, "-ssh-agent", socket, "-name", "witness.example/lite", "-key", ssh.FingerprintSHA256(public), "-db", database, "-listen", address)
	cosignedBy(s, signer.Verifier().String(), address)
}

// TestOmniwitness: transparency-dev's witness cosigns our ledger.
func TestOmniwitness(t *testing.T) {
	omniwitness := program(t, "omniwitness")
	s := newSite(t)
	dir := t.TempDir()
	secret, public, err := note.GenerateKey(rand.Reader, "witness.example/omni")
	s.must(err)
	key, err := base64.StdEncoding.DecodeString(strings.SplitN(secret, "+", 5)[4]) // base64 may have a + of its own
	s.must(err)
	if len(key) != 33 {
		t.Fatalf("the key of %s has %d bytes", public, len(key))
	}
	signer, err := torchwood.NewCosignatureSigner("witness.example/omni", ed25519.NewKeyFromSeed(key[1:]))
	s.must(err)
	keyFile, logs := filepath.Join(dir, "key"), filepath.Join(dir, "logs.yaml")
	s.must(os.WriteFile(keyFile, []byte(secret), 0o600))
	s.must(os.WriteFile(logs, fmt.Appendf(nil, "Logs:\n  - Origin: %s\n    URL: http://127.0.0.1/\n    PublicKey: %s\n    Feeder: none\n", s.Log.Origin(), s.Log.Key()), 0o600))
	address := freeAddress(t)
	start(t, omniwitness, "--listen", address, "--metrics_listen", "", "--db_file", filepath.Join(dir, "omni.db"),
		"--private_key_path", keyFile, "--additional_logs", logs)
	cosignedBy(s, signer.Verifier().String(), address)
}

// TestTesseraIsCosigned: our witness cosigns a log of Tessera's, which asks by its own
// client, and publishes nothing that is not cosigned.
func TestTesseraIsCosigned(t *testing.T) {
	w := newWorld(t)
	signer, key := logSigner(t, "tessera.example/log")
	w.must(witness.Add(w.dir, witness.Origin{Origin: "tessera.example/log", Key: key}))
	policy := fmt.Sprintf("witness w1 %s %s\nquorum w1\n", w.self.Key(), w.url)
	group, err := tessera.NewWitnessGroupFromPolicy([]byte(policy))
	w.must(err)
	ours, err := formats.ParsePolicy([]byte(policy))
	w.must(err)
	dir := t.TempDir()
	// Two processes, one after the other: the second begins as Tessera does, with what it
	// published last.
	for round := range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		driver, err := posix.New(ctx, posix.Config{Path: dir, HTTPClient: http.DefaultClient})
		w.must(err)
		appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
			WithCheckpointSigner(signer).WithBatching(8, 10*time.Millisecond).WithCheckpointInterval(100*time.Millisecond).
			WithWitnesses(group, &tessera.WitnessOptions{Timeout: 10 * time.Second}))
		w.must(err)
		await := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 20*time.Millisecond)
		var published []byte
		for i := range 20 {
			if _, published, err = await.Await(ctx, appender.Add(ctx, tessera.NewEntry(fmt.Appendf(nil, "%d in %d", i, round)))); err != nil {
				t.Fatalf("entry %d of process %d: %v", i, round, err)
			}
		}
		if found, quorum, err := ours.Cosigned(published); err != nil || !quorum || len(found) != 1 {
			t.Errorf("Tessera published %s\nquorum %v, %v", bytes.TrimSpace(published), quorum, err)
		}
		w.must(shutdown(ctx))
		cancel()
	}
	list, err := witness.List(w.dir, w.self)
	w.must(err)
	if list[1].Origin.Origin != "tessera.example/log" || list[1].Size != 40 {
		t.Errorf("the witness has %+v", list[1])
	}
}
