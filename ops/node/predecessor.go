package node

import (
	"net/http"
	"sync"

	"github.com/saksi-ledger/saksi/ledger/mirror"
)

// predecessor serves what is public of the tree before the node's own, from when on there
// is a copy: saksi authority adopt makes it while the node runs.
type predecessor struct {
	dir string

	mu   sync.Mutex
	copy http.Handler // nil: there is none yet
}

func (p *predecessor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handler := p.open()
	if handler == nil {
		http.Error(w, "this ledger keeps no tree before its own", http.StatusNotFound)
		return
	}
	handler.ServeHTTP(w, r)
}

func (p *predecessor) open() http.Handler {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.copy == nil && mirror.Is(p.dir) {
		// It is open for as long as the process is.
		if handler, _, err := mirror.Handler(p.dir); err == nil {
			p.copy = handler
		}
	}
	return p.copy
}
