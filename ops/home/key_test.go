package home_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/home"
)

// signs has a home's key sign something.
func signs(h *home.Operator) error {
	signer, err := h.Signer()
	if err != nil {
		return err
	}
	_, err = signer.Sign(rand.Reader, []byte("message"))
	return err
}

func hintOf(err error) string {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return ""
}

// failsAs wants an error that says this, with a hint that says that.
func failsAs(t *testing.T, err error, says, hint string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(hintOf(err), hint) {
		t.Errorf("%v (hint: %s): want %q and the hint %q", err, hintOf(err), says, hint)
	}
}

func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "passphrase")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestKeyUnderPassphrase(t *testing.T) {
	for _, algorithm := range []events.Algorithm{events.Ed25519, events.ECDSAP256} {
		spec := home.KeySpec{Algorithm: algorithm, Encrypt: true}
		dir := filepath.Join(t.TempDir(), "nimbus")
		t.Setenv("SAKSI_PASSPHRASE_FILE", "")
		_, err := home.NewOperatorWith(dir, "nimbus-my", spec)
		failsAs(t, err, "none was given", "SAKSI_PASSPHRASE_FILE")
		if _, err := os.Stat(dir); err == nil {
			t.Error("half a home was left behind")
		}
		t.Setenv("SAKSI_PASSPHRASE_FILE", secretFile(t, "correct horse\n"))
		_, err = home.NewOperatorWith(dir, "nimbus-my", spec)
		must(t, err)

		h, err := home.OpenOperator(dir)
		must(t, err)
		must(t, signs(h))
		text, err := os.ReadFile(filepath.Join(dir, "keys", "signing.pem"))
		must(t, err)
		if !strings.HasPrefix(string(text), "-----BEGIN ENCRYPTED PRIVATE KEY-----\n") {
			t.Errorf("%s", text)
		}
		t.Setenv("SAKSI_PASSPHRASE_FILE", secretFile(t, "another"))
		failsAs(t, signs(h), "the passphrase is not its", "SAKSI_PASSPHRASE_FILE")
		t.Setenv("SAKSI_PASSPHRASE_FILE", "")
		signer, err := h.Signer()
		must(t, err)
		if signer.PublicKey().Algorithm() != algorithm {
			t.Errorf("it is a key of %s", signer.PublicKey().Algorithm())
		}
		failsAs(t, signs(h), "none was given", "SAKSI_PASSPHRASE_FILE")

		// From a descriptor, which is closed once it was read.
		r, w, err := os.Pipe()
		must(t, err)
		fmt.Fprintln(w, "correct horse")
		w.Close()
		inherited, err := syscall.Dup(int(r.Fd()))
		must(t, err)
		r.Close()
		t.Setenv("SAKSI_PASSPHRASE_FD", fmt.Sprint(inherited))
		must(t, signs(h))
		t.Setenv("SAKSI_PASSPHRASE_FD", "three")
		failsAs(t, signs(h), "want the number of a descriptor", "")
		t.Setenv("SAKSI_PASSPHRASE_FD", "")

		empty, open := secretFile(t, "\n"), secretFile(t, "correct horse")
		must(t, os.Chmod(open, 0o644))
		for path, says := range map[string]string{empty: "is empty", open: "others may read it", secretFile(t, strings.Repeat("x", 2000)): "longer than"} {
			t.Setenv("SAKSI_PASSPHRASE_FILE", path)
			failsAs(t, signs(h), says, "")
		}
		t.Setenv("SAKSI_PASSPHRASE_FILE", "")
	}
}

// TestKeyOfOpenSSL reads what somebody else's program has encrypted.
func TestKeyOfOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed: nobody else's encrypted key is read here")
	}
	secret := secretFile(t, "correct horse")
	for _, args := range [][]string{
		{"-algorithm", "ED25519"}, {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"},
	} {
		dir := filepath.Join(t.TempDir(), "nimbus")
		h, err := home.NewOperator(dir, "nimbus-my")
		must(t, err)
		path := filepath.Join(dir, "keys", "signing.pem")
		out, err := exec.Command(openssl, append(append([]string{"genpkey"}, args...), "-aes-256-cbc", "-pass", "file:"+secret, "-out", path)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		must(t, os.Chmod(path, 0o600))
		t.Setenv("SAKSI_PASSPHRASE_FILE", secret)
		must(t, signs(h))
	}
	// And the other way round.
	dir := filepath.Join(t.TempDir(), "nimbus")
	h, err := home.NewOperatorWith(dir, "nimbus-my", home.KeySpec{Algorithm: events.ECDSAP256, Encrypt: true})
	must(t, err)
	must(t, signs(h))
	if out, err := exec.Command(openssl, "pkey", "-in", filepath.Join(dir, "keys", "signing.pem"), "-passin", "file:"+secret, "-noout", "-text").CombinedOutput(); err != nil ||
		!strings.Contains(string(out), "prime256v1") {
		t.Errorf("%v: %s", err, out)
	}
}

// ownAgent is the library's agent on a socket.
func ownAgent(t *testing.T) agent.Agent {
	t.Helper()
	keyring := agent.NewKeyring()
	dir, err := os.MkdirTemp("", "agent") // a socket's path is short
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				agent.ServeAgent(keyring, conn)
			}()
		}
	}()
	t.Setenv("SSH_AUTH_SOCK", listener.Addr().String())
	return keyring
}

// sshAgent is OpenSSH's.
func sshAgent(t *testing.T) agent.Agent {
	t.Helper()
	program, err := exec.LookPath("ssh-agent")
	if err != nil {
		t.Skip("ssh-agent is not installed (Debian's openssh-client): only the library's own agent signs here")
	}
	dir, err := os.MkdirTemp("", "agent")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	command := exec.Command(program, "-D", "-a", socket)
	out, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	t.Cleanup(func() { command.Process.Kill(); command.Wait() })
	// It says where it listens once it does.
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", socket)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	t.Setenv("SSH_AUTH_SOCK", socket)
	return agent.NewClient(conn)
}

func TestKeyInAgent(t *testing.T) {
	for name, start := range map[string]func(*testing.T) agent.Agent{"the library's": ownAgent, "OpenSSH's": sshAgent} {
		t.Run(name, func(t *testing.T) {
			keyring := start(t)
			_, ed, err := ed25519.GenerateKey(rand.Reader)
			must(t, err)
			ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			must(t, err)
			p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
			must(t, err)
			rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
			must(t, err)
			enrol := func(want string) (*home.Operator, error) {
				return home.NewOperatorWith(filepath.Join(t.TempDir(), "nimbus"), "nimbus-my", home.KeySpec{Agent: want})
			}
			_, err = enrol("ed")
			failsAs(t, err, "it is locked, or none was added", "ssh-add -X")
			for comment, key := range map[string]any{"ed": &ed, "ec": ec, "p384": p384, "rsa": rsaKey} {
				must(t, keyring.Add(agent.AddedKey{PrivateKey: key, Comment: comment}))
			}
			public, err := ssh.NewPublicKey(ec.Public())
			must(t, err)
			for want, algorithm := range map[string]events.Algorithm{"ed": events.Ed25519, "ec": events.ECDSAP256, ssh.FingerprintSHA256(public): events.ECDSAP256} {
				h, err := enrol(want)
				must(t, err)
				request, err := home.ReadRequest(h.RequestFile())
				must(t, err)
				key, err := events.ParsePublicKey(request.Key)
				if err != nil || key.Algorithm() != algorithm {
					t.Errorf("%s: %s, %v", want, key.Algorithm(), err)
				}
				for range 100 { // now and then r or s is short, or has its highest bit set
					must(t, signs(h))
				}
			}
			h, err := enrol("ec")
			must(t, err)
			_, err = enrol("nobody")
			failsAs(t, err, `has no key "nobody"`, "ssh-add -l")
			_, err = enrol("rsa")
			failsAs(t, err, `of type "ssh-rsa"`, "ed25519")
			_, err = enrol("p384")
			failsAs(t, err, "ecdsa-sha2-nistp384", "ed25519")
			_, another, err := ed25519.GenerateKey(rand.Reader)
			must(t, err)
			must(t, keyring.Add(agent.AddedKey{PrivateKey: &another, Comment: "ec"}))
			_, err = enrol("ec")
			failsAs(t, err, "2 keys of the comment", "fingerprint")

			must(t, keyring.Lock([]byte("x")))
			failsAs(t, signs(h), "it is locked", "ssh-add -X")
			must(t, keyring.Unlock([]byte("x")))
			must(t, signs(h))
			must(t, keyring.Remove(public))
			failsAs(t, signs(h), `does not have the key "ec"`, "ssh-add FILE")
			socket := os.Getenv("SSH_AUTH_SOCK")
			t.Setenv("SSH_AUTH_SOCK", "")
			failsAs(t, signs(h), "SSH_AUTH_SOCK names none", "ssh-agent")
			t.Setenv("SSH_AUTH_SOCK", socket+"x")
			failsAs(t, signs(h), "can't be reached", "ssh-add -l")
			if _, err := h.Signer(); err != nil {
				t.Errorf("without the agent nothing can be done that signs nothing: %v", err)
			}
		})
	}
}

func TestSeveralKeys(t *testing.T) {
	h, err := home.NewOperator(filepath.Join(t.TempDir(), "nimbus"), "nimbus-my")
	must(t, err)
	first, err := h.Signer()
	must(t, err)
	path, second, err := h.NewKey(home.KeySpec{Algorithm: events.ECDSAP256})
	must(t, err)
	request, err := home.ReadRequest(path)
	must(t, err)
	if request.Name != "nimbus-my" || request.Key != second.String() {
		t.Errorf("%+v", request)
	}
	signing := func() events.KeyID {
		s, err := h.Signer()
		must(t, err)
		return s.PublicKey().ID()
	}
	if signing() != first.PublicKey().ID() {
		t.Error("a new key signs before it was said to")
	}
	for _, id := range []events.KeyID{second.ID(), first.PublicKey().ID(), second.ID()[:8]} {
		used, err := h.UseKeys(string(id))
		must(t, err)
		key := used[0]
		if !strings.HasPrefix(string(key.ID()), string(id)) || signing() != key.ID() {
			t.Errorf("%s signs, and %s was to", signing(), id)
		}
	}
	keys, err := h.Keys()
	must(t, err)
	if len(keys) != 2 || keys[0].ID != first.PublicKey().ID() || keys[0].Signs || keys[1].ID != second.ID() || !keys[1].Signs {
		t.Errorf("%+v", keys)
	}
	both, err := h.UseKeys(string(second.ID()), string(first.PublicKey().ID()))
	must(t, err)
	signers, err := h.Signers()
	must(t, err)
	if len(both) != 2 || len(signers) != 2 || signing() != second.ID() || signers[1].PublicKey().ID() != first.PublicKey().ID() {
		t.Errorf("two sign: %d, %d, first %s", len(both), len(signers), signing())
	}
	if _, err := h.UseKeys(string(second.ID()), string(second.ID()[:9])); err == nil {
		t.Error("one key signs twice")
	}
	if _, err := h.UseKeys(); err == nil {
		t.Error("no key signs")
	}
	for _, id := range []string{"", "xyz", "../signing"} {
		_, err := h.UseKeys(id)
		failsAs(t, err, "keys have an id that begins with", "saksi key list")
	}
	if _, _, err := h.NewKey(home.KeySpec{Algorithm: "rsa"}); err == nil {
		t.Error("a key of RSA was made")
	}
}
