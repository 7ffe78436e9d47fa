package broker

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/minio/highwayhash"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

// The server keeps a directory for each stream and, below it, one for each consumer:
//
//	jetstream/<account>/streams/<stream>/meta.inf, meta.sum
//	                                     msgs/<number>.blk, index.db
//	                                     obs/<consumer>/meta.inf, meta.sum, o.dat
//
// meta.inf is the description in JSON, and meta.sum its checksum. The server writes both
// without fsync, and skips a stream whose description doesn't match its checksum: a power
// cut soon after a stream was made leaves the stream's messages and no way to read them.
// A [mender] writes such descriptions anew before the server starts.
const (
	fileDescription = "meta.inf"
	fileChecksum    = "meta.sum"
	dirMessages     = "msgs"
	fileIndex       = "index.db"
	dirConsumers    = "obs"
	dirStreams      = "streams"
	dirSetAside     = "unfinished"
)

// mender compares the descriptions in a store with those that the node would create, and
// mends what a power cut has torn. No server may run on the store.
type mender struct {
	store   string
	hubs    map[string]string // account to the hub whose account it is
	streams map[string]storedStream
	readers map[string]storedConsumer
	log     *slog.Logger
}

func newMender(store string, a *Authority, s Streams, log *slog.Logger) *mender {
	m := &mender{store: store, hubs: map[string]string{}, streams: s.streams(), readers: s.consumers(), log: log}
	for hub, account := range a.hubID {
		m.hubs[account] = hub
	}
	return m
}

// mend goes through all streams and consumers in the store. A description is used as it is
// if its checksum matches; it gets a new checksum if only the checksum is torn; otherwise
// the description is written anew, if the node knows it. Messages and the acknowledgements
// of consumers stay. A consumer, or a stream without messages, that the node doesn't know is
// set aside. A stream with messages that the node doesn't know stays as it is.
func (m *mender) mend() error {
	root := filepath.Join(m.store, server.JetStreamStoreDir)
	accounts, err := directories(root)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		dir := filepath.Join(root, account, dirStreams)
		names, err := directories(dir)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := m.stream(filepath.Join(dir, name), m.hubs[account], name); err != nil {
				return fmt.Errorf("mend stream %s in %s: %w", name, filepath.Join(dir, name), err)
			}
		}
	}
	return nil
}

func (m *mender) stream(dir, hub, name string) error {
	d := description{dir: dir, key: name}
	known, ok := m.streams[name]
	if ok = ok && known.hub == hub; ok {
		d.fresh = func() (any, error) { return known.description(storedBytes(dir)) }
	}
	d.usable = func(b []byte) bool {
		var have server.FileStreamInfo
		return json.Unmarshal(b, &have) == nil && have.Name == name && (!ok || known.fits(b))
	}
	switch was, err := m.description(d, "stream"); {
	case err != nil:
		return err
	case was == unknown && storedBytes(dir) == 0:
		return m.setAside(dir, "a stream without messages was left unfinished by a power cut and is made again")
	}
	consumers, err := directories(filepath.Join(dir, dirConsumers))
	if err != nil {
		return err
	}
	for _, consumer := range consumers {
		if err := m.consumer(filepath.Join(dir, dirConsumers, consumer), name, consumer); err != nil {
			return fmt.Errorf("consumer %s: %w", consumer, err)
		}
	}
	return nil
}

func (m *mender) consumer(dir, stream, name string) error {
	d := description{dir: dir, key: stream + "/" + name}
	if known, ok := m.readers[name]; ok && stream == streamFeeds {
		d.fresh = func() (any, error) { return known.description(name) }
	}
	d.usable = func(b []byte) bool {
		var have server.FileConsumerInfo
		return json.Unmarshal(b, &have) == nil && have.Name == name
	}
	was, err := m.description(d, "consumer")
	if err == nil && was == unknown {
		err = m.setAside(dir, "a consumer was left unfinished by a power cut and is made again")
	}
	return err
}

// description is one of a stream or a consumer, on disk.
type description struct {
	dir    string
	key    string                 // of the checksum
	usable func(meta []byte) bool // whether meta is whole, and says what it must
	fresh  func() (any, error)    // as the node would create it; nil if the node doesn't know it
}

// mended says what was found and done.
type mended int

const (
	whole   mended = iota // nothing was to be done
	written               // the description, or its checksum alone, was written anew
	unknown               // it is torn, and can't be written anew
)

func (m *mender) description(d description, what string) (mended, error) {
	metaFile, sumFile := filepath.Join(d.dir, fileDescription), filepath.Join(d.dir, fileChecksum)
	meta, metaErr := readDescription(metaFile)
	sum, sumErr := readDescription(sumFile)
	switch err := errors.Join(metaErr, sumErr); {
	case errors.Is(err, errNoFile):
		return unknown, nil
	case err != nil:
		return whole, err
	}
	if len(meta) > 0 && string(sum) == checksum(d.key, meta) {
		return whole, nil
	}
	if tornOf(sum, checksum(d.key, meta)) && d.usable(meta) {
		m.log.Warn("the checksum of a description was torn by a power cut and is written anew", "component", "nats", "of", what, "dir", d.dir)
		return written, durable.WriteFile(sumFile, []byte(checksum(d.key, meta)), 0o600)
	}
	if d.fresh == nil {
		return unknown, nil
	}
	fresh, err := d.fresh()
	if err != nil {
		return whole, err
	}
	if meta, err = json.Marshal(fresh); err != nil {
		return whole, err
	}
	m.log.Warn("a description was torn by a power cut and is written anew", "component", "nats", "of", what, "dir", d.dir)
	if err := durable.WriteFile(metaFile, meta, 0o600); err != nil {
		return whole, err
	}
	return written, durable.WriteFile(sumFile, []byte(checksum(d.key, meta)), 0o600)
}

// checksum is the server's, of a description.
func checksum(key string, meta []byte) string {
	k := sha256.Sum256([]byte(key))
	return hex.EncodeToString(binary.LittleEndian.AppendUint64(nil, highwayhash.Sum64(meta, k[:])))
}

// tornOf reports whether sum is what a power cut can leave of want: a beginning of it,
// nothing, or zeros where the rest should be. Any other checksum was written for another
// description.
func tornOf(sum []byte, want string) bool {
	return strings.HasPrefix(want, string(bytes.TrimRight(sum, "\x00")))
}

// mostDescription bounds a description, in bytes: a consumer's has 256 subjects at most.
const mostDescription = 1 << 20

// errNoFile means that something else stands where a description should.
var errNoFile = errors.New("it is no file, or too large to be a description")

// readDescription reads a description or a checksum, which is empty if it is missing.
func readDescription(path string) ([]byte, error) {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > mostDescription:
		return nil, errNoFile
	}
	return durable.ReadFile(path, mostDescription)
}

// storedBytes is how much lies in a stream's blocks of messages.
func storedBytes(stream string) (n int64) {
	blocks, err := os.ReadDir(filepath.Join(stream, dirMessages))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 1 // it can't be told: there may be messages
	}
	for _, block := range blocks {
		if info, err := block.Info(); err == nil && filepath.Ext(block.Name()) == ".blk" {
			n += info.Size()
		}
	}
	return n
}

// directories are the names of those in dir that the server looks at: it is deleting what
// begins with a dot. There are none if dir is missing or is no directory.
func directories(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// setAside moves a stream's or a consumer's directory out of the server's way. Nothing is
// deleted.
func (m *mender) setAside(dir, why string) error {
	aside := filepath.Join(m.store, dirSetAside, time.Now().UTC().Format("20060102T150405.000000000"))
	if err := durable.MkdirAll(aside, 0o700); err != nil {
		return err
	}
	aside = filepath.Join(aside, filepath.Base(dir))
	if err := durable.Rename(dir, aside); err != nil {
		return err
	}
	m.log.Warn(why, "component", "nats", "was", dir, "now", aside)
	return nil
}

// unrecovered are the streams and consumers that were on disk and that the server has not
// loaded: it warns and goes on, and the next to ask for such a stream would make an empty one
// in its place.
type unrecovered struct{ streams, consumers []string } // directories, as they were

func (u unrecovered) any() bool { return len(u.streams)+len(u.consumers) > 0 }

// onDisk are the hub's streams in the store, and readers' consumers.
func (m *mender) onDisk() (all unrecovered, err error) {
	for account, hub := range m.hubs {
		if hub != hubLedger && hub != hubProjections {
			continue
		}
		dir := filepath.Join(m.store, server.JetStreamStoreDir, account, dirStreams)
		streams, err := directories(dir)
		if err != nil {
			return all, err
		}
		for _, stream := range streams {
			all.streams = append(all.streams, filepath.Join(dir, stream))
			consumers, err := directories(filepath.Join(dir, stream, dirConsumers))
			if err != nil {
				return all, err
			}
			for _, consumer := range consumers {
				if _, ok := m.readers[consumer]; !ok {
					continue // nobody's, who would miss it
				}
				all.consumers = append(all.consumers, filepath.Join(dir, stream, dirConsumers, consumer))
			}
		}
	}
	return all, nil
}

// notLoaded returns what of all the server has not loaded. A consumer counts with its stream.
func (m *mender) notLoaded(ns *server.Server, all unrecovered) (lost unrecovered, err error) {
	loaded := map[string]bool{}
	for account, hub := range m.hubs {
		if hub != hubLedger && hub != hubProjections {
			continue
		}
		if _, err := ns.LookupAccount(account); err != nil {
			return lost, fmt.Errorf("load the account %s: %w", strings.ToUpper(hub), err)
		}
		detail, err := ns.JszAccount(&server.JSzOptions{Account: account, Streams: true, Consumer: true})
		if err != nil {
			return lost, fmt.Errorf("inspect JetStream of the account %s: %w", strings.ToUpper(hub), err)
		}
		for _, s := range detail.Streams {
			dir := filepath.Join(m.store, server.JetStreamStoreDir, account, dirStreams, s.Name)
			loaded[dir] = true
			for _, c := range s.Consumer {
				loaded[filepath.Join(dir, dirConsumers, c.Name)] = true
			}
		}
	}
	for _, dir := range all.streams {
		if !loaded[dir] {
			lost.streams = append(lost.streams, dir)
		}
	}
	for _, dir := range all.consumers {
		if stream := filepath.Dir(filepath.Dir(dir)); loaded[stream] && !loaded[dir] {
			lost.consumers = append(lost.consumers, dir)
		}
	}
	return lost, nil
}

// beginAnew sets aside what the server could not recover, so that it is made again. It
// returns an error, and moves nothing, if one of the streams has messages that nobody can
// send again.
func (m *mender) beginAnew(u unrecovered) error {
	for _, dir := range u.streams {
		name := filepath.Base(dir)
		if m.streams[name].refill == "" && storedBytes(dir) > 0 {
			return fmt.Errorf("stream %s can't be recovered: %s is damaged; restore it from a backup, or move it away to begin with an empty stream: nothing else has what it held",
				name, dir)
		}
	}
	for _, dir := range u.streams {
		if err := m.setAside(dir, "a stream can't be recovered and begins anew: "+m.streams[filepath.Base(dir)].refill); err != nil {
			return err
		}
	}
	for _, dir := range u.consumers {
		if err := m.setAside(dir, "a consumer can't be recovered and is made again: its reader gets again what it had acknowledged"); err != nil {
			return err
		}
	}
	return nil
}
