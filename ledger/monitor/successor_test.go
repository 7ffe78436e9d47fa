package monitor_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/ledger/archive"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/ledger/monitor"
	"github.com/saksi-ledger/saksi/ledger/readertest"
)

// anybody may read bodies.
type anybody struct{}

func (anybody) Authenticate(*http.Request) (token.Grantee, error) {
	return token.Grantee{Name: "auditor", Role: token.Auditor}, nil
}

// serveAll serves a ledger with its bodies.
func serveAll(t *testing.T, w *readertest.World) http.Handler {
	t.Helper()
	tree, err := ledgerhttp.Handler(w.Ledger.TreeDir())
	if err != nil {
		t.Fatal(err)
	}
	d, err := archive.OpenDirectory(w.Dir, w.Log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	mux := http.NewServeMux()
	mux.Handle("/", tree)
	mux.Handle("/bodies", ledgerhttp.Bodies(d, anybody{}))
	return mux
}

// TestSuccessor follows a ledger to the tree that takes its place.
func TestSuccessor(t *testing.T) {
	const origin = "ledger.example.my/test-2"
	w := watch(t, 300, 400)
	w.want(monitor.Info, "began")
	first := w.config.Dir
	forked := w.honest.Fork(200, 300)
	longer, grown := w.honest.Fork(200, 330), w.honest.Fork(400, 400)
	longer.Show(330)
	grown.Show(330)
	for name, test := range map[string]struct {
		predecessor string
		level       monitor.Level
		kinds, says string
	}{
		"its last":   {string(w.honest.Sign(300)), monitor.Info, "began successor", "from 300 leaves on: its genesis has the last checkpoint of that tree"},
		"an older":   {string(w.honest.Sign(250)), monitor.Trouble, "began successor", "from 250 leaves on, and that tree had 300"},
		"a fork":     {string(forked.Sign(300)), monitor.Alarm, "began forked", "began"},
		"unseen":     {string(w.honest.Sign(330)), monitor.Trouble, "began withheld", "330 leaves"},
		"kept":       {string(w.honest.Sign(330)), monitor.Info, "began successor", "from 330 leaves on, 30 more than were seen"},
		"kept fork":  {string(longer.Sign(330)), monitor.Alarm, "began forked", "began"},
		"none":       {"", monitor.Info, "began successor", "names no tree before it"},
		"not signed": {"ledger.example.my/test\n4096\n", monitor.Trouble, "began successor", "does not have a checkpoint of that tree"},
	} {
		t.Run(name, func(t *testing.T) {
			v := &watched{T: t, world: w.world, honest: w.honest, config: w.config}
			v.config.Dir = filepath.Join(t.TempDir(), "seen")
			copyDir(t, first, v.config.Dir)
			next := readertest.NewSuccessor(t, origin, test.predecessor)
			next.Grow(20)
			v.config.Trust.Ledgers = append(v.config.Trust.Ledgers[:1:1], next.Trusted)
			v.config.Token = func(context.Context) (string, error) { return "token", nil }
			served := http.NewServeMux()
			served.Handle("/", serveAll(t, next))
			if tree := map[string]http.Handler{"kept": grown, "kept fork": longer}[name]; tree != nil {
				served.Handle("/predecessor/", http.StripPrefix("/predecessor", tree))
			}
			server := httptest.NewServer(served)
			t.Cleanup(server.Close)
			v.config.URLs = []string{server.URL}
			v.config.Report = func(s monitor.Sighting) { v.seen = append(v.seen, s) }
			v.want(test.level, test.kinds)
			if text := v.seen[len(v.seen)-1].Text + v.seen[min(1, len(v.seen)-1)].Text; test.level != monitor.Alarm && !strings.Contains(text, test.says) {
				t.Errorf("it says %q: want %q", text, test.says)
			}
			if test.level == monitor.Info {
				next.Grow(30)
				v.want(monitor.Info, "grew")
				// The tree before it, shown again.
				before := httptest.NewServer(w.honest)
				t.Cleanup(before.Close)
				v.config.URLs = []string{before.URL}
				v.want(monitor.Trouble, "went_back")
			}
		})
	}
	// Without a mandate its genesis can't be seen, which is said.
	next := readertest.NewSuccessor(t, origin, string(w.honest.Sign(300)))
	next.Grow(20)
	w.config.Trust.Ledgers = append(w.config.Trust.Ledgers[:1:1], next.Trusted)
	w.serve(serveAll(t, next))
	w.want(monitor.Info, "began successor")
	if text := w.seen[1].Text; !strings.Contains(text, "as the trust file states: what its genesis says") {
		t.Errorf("it says %q", text)
	}
}
