package mirror_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/audit"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/mirror"
	"github.com/saksi-ledger/saksi/ledger/readertest"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// BenchmarkAuditFromOutside copies a ledger and audits the copy: so many leaves as
// SAKSI_AUDIT_LEAVES says, 20,000 otherwise. It reports leaves a second of both halves, and
// the memory in use when the audit has ended.
func BenchmarkAuditFromOutside(b *testing.B) {
	leaves := uint64(20_000)
	if n, err := strconv.ParseUint(os.Getenv("SAKSI_AUDIT_LEAVES"), 10, 32); err == nil && n > 0 {
		leaves = n
	}
	w := readertest.New(b)
	w.Grow(leaves)
	w.Bodies = nil
	tree, err := ledgerhttp.Handler(w.Ledger.TreeDir())
	if err != nil {
		b.Fatal(err)
	}
	d, err := archive.OpenDirectory(w.Dir, w.Log)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	mux := http.NewServeMux()
	mux.Handle("/", tree)
	mux.Handle("/bodies", ledgerhttp.Bodies(d, as{}))
	server := httptest.NewServer(mux)
	defer server.Close()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 16
	trust := &verify.Trust{V: 1, Ledgers: []verify.TrustedLedger{w.Trusted}}
	fetched, audited := 0.0, 0.0
	for b.Loop() {
		dir := filepath.Join(b.TempDir(), "copy")
		reader, err := ledgerhttp.NewReader(server.URL, w.Log, ledgerhttp.ReaderOptions{
			Token: func(context.Context) (string, error) { return "auditor", nil }, Client: &http.Client{Transport: transport},
		})
		if err != nil {
			b.Fatal(err)
		}
		c, err := mirror.Create(dir, w.Log, "auditor")
		if err != nil {
			b.Fatal(err)
		}
		before := b.Elapsed()
		if _, err := c.Fetch(b.Context(), reader, mirror.Options{As: "auditor", Recheck: true}); err != nil {
			b.Fatal(err)
		}
		c.Close()
		fetched += (b.Elapsed() - before).Seconds()
		report, err := audit.Directory(b.Context(), dir, trust, nil)
		if err != nil || len(report.Failures) > 0 || report.Verdicts < leaves {
			b.Fatalf("%+v, %v", report, err)
		}
		audited += report.Seconds
		os.RemoveAll(dir)
	}
	n := float64(leaves) * float64(b.N)
	b.ReportMetric(n/fetched, "copied/s")
	b.ReportMetric(n/audited, "audited/s")
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/(1<<20), "MiB")
}
