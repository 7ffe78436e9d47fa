package timestamp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/ledger/countersign/timestamp"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// TestOpenSSLAuthority has checkpoints timestamped by OpenSSL, with RSA keys, as many
// authorities have them, under an intermediate certificate; which OpenSSL then revokes.
func TestOpenSSLAuthority(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not here")
	}
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		command := exec.Command(openssl, args...)
		command.Dir = dir
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ts.conf", `[tsa]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1, millisecs:500
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
`)
	write("ca.ext", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n")
	write("tsa.ext", "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n")
	write("serial", "01\n")
	run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=root", "-days", "30")
	for _, c := range [][3]string{{"between", "root", "ca.ext"}, {"tsa", "between", "tsa.ext"}} {
		run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", c[0]+".key", "-out", c[0]+".csr", "-subj", "/CN="+c[0])
		run("x509", "-req", "-in", c[0]+".csr", "-CA", c[1]+".pem", "-CAkey", c[1]+".key", "-CAcreateserial", "-extfile", c[2], "-out", c[0]+".pem", "-days", "30")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		write("query.tsq", string(query))
		command := exec.Command(openssl, "ts", "-reply", "-config", "ts.conf", "-section", "tsa", "-queryfile", "query.tsq", "-signer", "tsa.pem", "-inkey", "tsa.key", "-chain", "between.pem", "-out", "answer.tsr")
		command.Dir = dir
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("openssl ts: %v\n%s", err, out)
			http.Error(w, "no", http.StatusInternalServerError)
			return
		}
		answer, err := os.ReadFile(filepath.Join(dir, "answer.tsr"))
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		io.Copy(w, bytes.NewReader(answer))
	}))
	defer func() { server.CloseClientConnections(); server.Close() }()
	authority, err := timestamp.ParseSpec(fmt.Sprintf("%s/,cert=%s,name=openssl", server.URL, filepath.Join(dir, "root.pem")))
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	size := s.grow(2)
	stamper, stop := s.run(authority)
	s.until("the leaves have a timestamp", func() bool { return stamper.Status()[0].Size >= size && len(s.recorded()) == 1 })
	stop()
	r := s.recorded()[0]
	stamp, _ := s.kept(authority, uint64(r.Size))
	if stamp.Authority != "tsa" || stamp.Accuracy != 1500*time.Millisecond || r.Authority != "tsa" {
		t.Errorf("%+v, recorded as %+v", stamp, r)
	}

	// The lists that OpenSSL makes, before and after it has revoked the certificate, in
	// the seconds after the token's.
	time.Sleep(time.Until(stamp.NotAfter().Add(time.Second)))
	note, err := os.ReadFile(filepath.Join(s.dir, "openssl", fmt.Sprintf("%020d.note", r.Size)))
	s.must(err)
	_, token := s.kept(authority, uint64(r.Size))
	for _, reason := range []string{"", "superseded", "keyCompromise", "none"} {
		write("ca.conf", "[ca]\ndefault_ca = here\n[here]\ndatabase = index.txt\ncrlnumber = number\ndefault_md = sha256\ndefault_crl_days = 7\n")
		write("index.txt", "")
		write("number", "1000\n")
		ca := []string{"ca", "-config", "ca.conf", "-cert", "between.pem", "-keyfile", "between.key"}
		switch reason {
		case "":
		case "none":
			run(append(ca, "-revoke", "tsa.pem")...)
		default:
			run(append(ca, "-revoke", "tsa.pem", "-crl_reason", reason)...)
		}
		run(append(ca, "-gencrl", "-out", "list.pem")...)
		list, err := os.ReadFile(filepath.Join(dir, "list.pem"))
		s.must(err)
		by := authority.Trusted
		by.CRLs = string(list)
		s.must(by.Check())
		got, err := by.VerifyToken(token, note)
		var revoked *verify.Revoked
		if holds := reason == "" || reason == "superseded"; holds && (err != nil || len(got.Revocation.Lists) != 1 || got.Revocation.Lists[0].Issuer != "between" || !slices.Equal(got.Revocation.Unlisted, []string{"between"})) {
			t.Errorf("revoked as %q: %+v, %v", reason, got, err)
		} else if !holds && (!errors.As(err, &revoked) || !revoked.Always || revoked.Subject != "tsa") {
			t.Errorf("revoked as %q: %+v, %v", reason, got, err)
		}
	}
}
