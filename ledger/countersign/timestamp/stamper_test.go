package timestamp_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	tsp "github.com/digitorus/timestamp"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/countersign/timestamp"
	"github.com/saksi-ledger/saksi/ledger/countersign/timestamp/timestamptest"
	"github.com/saksi-ledger/saksi/ledger/readertest"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// site is a ledger that has its checkpoints timestamped.
type site struct {
	*testing.T
	*readertest.World
	reader *archive.Directory
	dir    string
}

func newSite(t *testing.T) *site {
	t.Helper()
	w := readertest.New(t)
	reader, err := archive.OpenDirectory(w.Dir, w.Log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	return &site{T: t, World: w, reader: reader, dir: filepath.Join(w.Dir, timestamp.DirName)}
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *site) run(authorities ...timestamp.Authority) (_ *timestamp.Stamper, stop func()) {
	s.Helper()
	stamper, err := timestamp.New(timestamp.Config{
		Dir: s.dir, Authorities: authorities, Log: s.Log, Reader: s.reader, Record: s.Ledger.RecordTimestamp,
		Interval: 20 * time.Millisecond, Timeout: 2 * time.Second, Logger: slog.New(slog.NewTextHandler(s.Output(), nil)),
	})
	s.must(err)
	return stamper, readertest.Start(s.T, stamper.Run)
}

func (s *site) until(what string, so func() bool) {
	s.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("not so in a minute: %s", what)
		}
	}
}

// grow adds n leaves of an operator's, and returns how many the ledger has then.
func (s *site) grow(n int) uint64 {
	s.Helper()
	s.Grow(uint64(len(s.Bodies) + n))
	return s.Ledger.Size()
}

// recorded returns the timestamps that stand in the ledger.
func (s *site) recorded() []events.TimestampRecorded {
	s.Helper()
	checkpoint, err := s.reader.Wait(s.Context(), s.Ledger.Size()-1)
	s.must(err)
	var all []events.TimestampRecorded
	for from := uint64(0); from < checkpoint.Size; {
		entries, err := s.reader.Entries(s.Context(), checkpoint, from)
		s.must(err)
		for _, e := range entries {
			from = e.Index + 1
			if e.Leaf.Subject != events.LedgerRecorder.Subject() {
				continue
			}
			envelope, err := events.ParseEnvelope(e.Body)
			s.must(err)
			event, err := events.ParseEvent(envelope.Lines[0])
			s.must(err)
			var r events.TimestampRecorded
			if event.Type == events.TypeTimestampRecorded {
				s.must(json.Unmarshal(event.Data, &r))
				all = append(all, r)
			}
		}
	}
	return all
}

// kept returns the token of a size that is kept for an authority.
func (s *site) kept(a timestamp.Authority, size uint64) (*verify.Timestamp, []byte) {
	s.Helper()
	base := filepath.Join(s.dir, a.Trusted.Name, fmt.Sprintf("%020d", size))
	token, err := os.ReadFile(base + ".tst")
	s.must(err)
	note, err := os.ReadFile(base + ".note")
	s.must(err)
	t, err := a.Trusted.VerifyToken(token, note)
	s.must(err)
	checkpoint, err := s.Log.OpenCheckpoint(note)
	s.must(err)
	if checkpoint.Size != size {
		s.Errorf("the token of %d leaves is over a checkpoint of %d", size, checkpoint.Size)
	}
	return t, token
}

// TestTimestampAuthority has checkpoints timestamped by Sigstore's authority.
func TestTimestampAuthority(t *testing.T) {
	base, chain := timestamptest.Start(t)
	s := newSite(t)
	file := filepath.Join(t.TempDir(), "chain.pem")
	s.must(os.WriteFile(file, chain, 0o600))
	authority, err := timestamp.ParseSpec(base + ",cert=" + file + ",name=sigstore,independent,owner=Sigstore")
	s.must(err)

	size := s.grow(3)
	stamper, stop := s.run(authority)
	s.until("the leaves have a timestamp that is recorded", func() bool { return stamper.Status()[0].Size >= size && len(s.recorded()) == 1 })
	first := s.recorded()[0]
	stamp, token := s.kept(authority, uint64(first.Size))
	if since := time.Since(stamp.Time); since > time.Minute || since < -time.Minute {
		t.Errorf("it says %s", stamp.Time)
	}
	if events.DigestOf(token).String() != first.Token || first.Serial != stamp.Serial.Text(16) || !first.Time.Equal(stamp.Time) || first.Authority == "" {
		t.Errorf("the ledger says %+v of %+v", first, stamp)
	}
	// The ledger's own leaf asks for no timestamp, and the next operator's does.
	size = s.grow(1)
	s.until("the next leaf has one", func() bool { return stamper.Status()[0].Size >= size && len(s.recorded()) == 2 })
	stop()
	// The next process takes up where this one stopped.
	size = s.grow(1)
	stamper, _ = s.run(authority)
	s.until("and so does one in the next process", func() bool { return stamper.Status()[0].Size >= size })
	s.until("and those who look from outside see it", func() bool {
		status, err := timestamp.ReadStatus(s.dir)
		s.must(err)
		return len(status) == 1 && status[0].Authority == "sigstore" && status[0].Size >= size && status[0].Error == "" && status[0].Waiting.IsZero()
	})
	if verify, err := exec.LookPath("openssl"); err == nil { // somebody else's reader
		note := filepath.Join(s.dir, "sigstore", fmt.Sprintf("%020d", uint64(first.Size)))
		out, err := exec.Command(verify, "ts", "-verify", "-data", note+".note", "-token_in", "-in", note+".tst", "-CAfile", file).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "Verification: OK") {
			t.Errorf("openssl: %v\n%s", err, out)
		}
	}
}

// liar is an authority that answers as it is told to.
type liar struct {
	t      *testing.T
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	url    string
	answer atomic.Pointer[func(w http.ResponseWriter, r *http.Request, query *tsp.Request)]
	asked  atomic.Int64
}

func newLiar(t *testing.T) (*liar, timestamp.Authority) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tsa.example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	l := &liar{t: t, key: key}
	if l.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.asked.Add(1)
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		query, err := tsp.ParseRequest(b)
		if err != nil || r.Header.Get("Content-Type") != "application/timestamp-query" {
			t.Errorf("it is asked %x: %v", b, err)
			return
		}
		if lie := l.answer.Load(); lie != nil {
			(*lie)(w, r, query)
			return
		}
		w.Write(l.token(query, nil))
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	l.url = server.URL
	return l, timestamp.Authority{URL: server.URL, Trusted: verify.TrustedAuthority{
		Name: "tsa", Certificates: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
	}}
}

// token answers a query, with what change makes of it.
func (l *liar) token(query *tsp.Request, change func(*tsp.Timestamp)) []byte {
	said := tsp.Timestamp{
		HashAlgorithm: query.HashAlgorithm, HashedMessage: query.HashedMessage, Nonce: query.Nonce, Time: time.Now(),
		Policy: asn1.ObjectIdentifier{1, 2, 3}, AddTSACertificate: true,
	}
	if change != nil {
		change(&said)
	}
	response, err := said.CreateResponseWithOpts(l.cert, l.key, crypto.SHA256)
	if err != nil {
		l.t.Error(err)
	}
	return response
}

// TestLyingAuthority: whatever an authority answers, what doesn't hold is never kept nor
// recorded, and admission goes on; once it answers honestly, all is well.
func TestLyingAuthority(t *testing.T) {
	s := newSite(t)
	l, authority := newLiar(t)
	other, _ := newLiar(t)
	var replayed []byte
	lies := []struct {
		says string
		lie  func(w http.ResponseWriter, r *http.Request, query *tsp.Request)
	}{
		{"it answered 503", func(w http.ResponseWriter, _ *http.Request, _ *tsp.Request) {
			http.Error(w, "busy", http.StatusServiceUnavailable)
		}},
		{"it answered 302", func(w http.ResponseWriter, _ *http.Request, _ *tsp.Request) {
			w.Header().Set("Location", other.url)
			w.WriteHeader(http.StatusFound)
		}},
		{"timestamp response: it is none", func(w http.ResponseWriter, _ *http.Request, _ *tsp.Request) { w.Write([]byte("hello")) }},
		{"timestamp response: it is none", func(http.ResponseWriter, *http.Request, *tsp.Request) {}},
		{"timestamp response: the request is rejected", func(w http.ResponseWriter, _ *http.Request, _ *tsp.Request) {
			b, err := tsp.CreateErrorResponse(tsp.Rejection, tsp.BadRequest)
			if err != nil {
				t.Error(err)
			}
			w.Write(b)
		}},
		{"the most is", func(w http.ResponseWriter, _ *http.Request, _ *tsp.Request) { // far more than is read
			for block := make([]byte, 1<<20); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}},
		{"deadline exceeded", func(w http.ResponseWriter, r *http.Request, _ *tsp.Request) { // never ends by itself
			w.Write([]byte{0x30})
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}},
		{"it is over other bytes", func(w http.ResponseWriter, _ *http.Request, q *tsp.Request) {
			w.Write(l.token(q, func(s *tsp.Timestamp) { s.HashedMessage = bytes.Repeat([]byte{1}, 32) }))
		}},
		{"its nonce is another", func(w http.ResponseWriter, _ *http.Request, q *tsp.Request) {
			w.Write(l.token(q, func(s *tsp.Timestamp) { s.Nonce = big.NewInt(1) }))
		}},
		{"its nonce is another", func(w http.ResponseWriter, _ *http.Request, q *tsp.Request) {
			w.Write(l.token(q, func(s *tsp.Timestamp) { s.Nonce = nil }))
		}},
		{"its certificate", func(w http.ResponseWriter, _ *http.Request, q *tsp.Request) { w.Write(other.token(q, nil)) }},
		{"its certificate", func(w http.ResponseWriter, _ *http.Request, q *tsp.Request) {
			w.Write(l.token(q, func(s *tsp.Timestamp) { s.Time = time.Now().Add(48 * time.Hour) }))
		}},
		{"it does not hold", func(w http.ResponseWriter, _ *http.Request, q *tsp.Request) {
			b := l.token(q, nil)
			b[len(b)-1] ^= 1
			w.Write(b)
		}},
		{"is another", func(w http.ResponseWriter, _ *http.Request, q *tsp.Request) { // one that was right before
			if replayed == nil {
				replayed = l.token(q, nil)
				q.Nonce = big.NewInt(7)
				w.Write(l.token(q, nil))
				return
			}
			w.Write(replayed)
		}},
	}
	var stamper *timestamp.Stamper
	size := s.grow(1)
	for _, row := range lies {
		l.answer.Store(&row.lie)
		if stamper == nil {
			stamper, _ = s.run(authority)
		}
		asked := l.asked.Load()
		s.until(row.says, func() bool {
			return l.asked.Load() > asked+1 && strings.Contains(stamper.Status()[0].Error, row.says)
		})
		s.grow(1)
		if got := stamper.Status()[0]; got.Size != 0 || got.Waiting.IsZero() || len(s.recorded()) != 0 {
			t.Errorf("%s: it is believed: %+v", row.says, got)
		}
	}
	l.answer.Store(nil)
	s.until("it is honest, and believed", func() bool {
		got := stamper.Status()[0]
		return got.Size >= size && got.Failures == 0 && len(s.recorded()) > 0
	})
}

func TestParseSpec(t *testing.T) {
	file := filepath.Join(t.TempDir(), "chain.pem")
	_, authority := newLiar(t)
	if err := os.WriteFile(file, []byte(authority.Trusted.Certificates), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := timestamp.ParseSpec("https://tsa.example:8443/tsr,owner=A TSA,independent,cert=" + file)
	if err != nil || a.URL != "https://tsa.example:8443/tsr" || a.Trusted.Name != "tsa.example-8443" || a.Trusted.Owner != "A TSA" || !a.Trusted.Independent {
		t.Errorf("%+v, %v", a, err)
	}
	for spec, says := range map[string]string{
		"tsa.example":                                        "want https://HOST",
		"https://tsa.example/tsr":                            "it has no certificate: want https://HOST",
		"https://tsa.example/tsr,name=x":                     "it has no certificate",
		"https://tsa.example/tsr,cert=" + file + ",colour=":  "want https://HOST",
		"https://tsa.example/tsr,cert=nowhere.pem":           "its certificates: open nowhere.pem",
		"https://tsa.example/tsr,cert=" + file + ",name=a/b": "can't be that of a directory",
		"ftp://tsa.example/tsr,cert=" + file:                 "want http or https",
		"https://tsa.example/tsr,cert=stamper_test.go":       "its certificates are not in PEM",
	} {
		if _, err := timestamp.ParseSpec(spec); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v: want %q", spec, err, says)
		}
	}
}
