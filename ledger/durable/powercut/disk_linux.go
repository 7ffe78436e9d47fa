package powercut

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Disk is a file system of its own, ext4 in a file. When its power is cut, what no fsync
// has made durable is gone, data and names alike. A Disk isn't safe for concurrent use.
type Disk struct {
	// Dir is where it is mounted.
	Dir string

	t     testing.TB
	image string
}

// NewDisk makes a disk of 4 GiB, of which only what is written takes space, and mounts it
// until the test ends. That takes root, mkfs.ext4 and a loop device: without them the test
// is skipped.
func NewDisk(t testing.TB) *Disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("cutting power takes a file system of its own, and root to mount it")
	}
	mkfs, err := exec.LookPath("mkfs.ext4")
	if err != nil {
		t.Skip("cutting power takes mkfs.ext4 (Debian has it in e2fsprogs)")
	}
	d := &Disk{t: t, image: filepath.Join(t.TempDir(), "disk.img"), Dir: filepath.Join(t.TempDir(), "mnt")}
	d.must(os.Mkdir(d.Dir, 0o700))
	f, err := os.Create(d.image)
	d.must(err)
	d.must(errors.Join(f.Truncate(4<<30), f.Close()))
	if out, err := exec.Command(mkfs, "-q", "-F", d.image).CombinedOutput(); err != nil {
		t.Skipf("no file system could be made: %v\n%s", err, out)
	}
	if out, err := d.mount(); err != nil {
		t.Skipf("no file system of its own can be mounted here: %v\n%s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", d.Dir).Run() })
	return d
}

func (d *Disk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// mount has ext4 not write everything every five seconds, as it would by itself.
func (d *Disk) mount() ([]byte, error) {
	return exec.Command("mount", "-o", "loop,commit=300", d.image, d.Dir).CombinedOutput()
}

// Cut stops the file system where it stands: nothing more is written, neither data nor what
// its journal holds in memory (EXT4_IOC_SHUTDOWN, "no log flush"). Where the kernel can't do
// that, the test is skipped.
func (d *Disk) Cut() {
	d.t.Helper()
	const shutdown, noLogFlush = 0x8004587d, uint32(2)
	f, err := os.Open(d.Dir)
	d.must(err)
	defer f.Close()
	flags := noLogFlush
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), shutdown, uintptr(unsafe.Pointer(&flags))); errno != 0 {
		d.t.Skipf("this kernel's ext4 can't be stopped like that: %v", errno)
	}
}

// On mounts the disk again, as after a start: the journal is replayed. Whoever had files open
// on it must have ended, or be ending.
func (d *Disk) On() {
	d.t.Helper()
	var out []byte
	var err error
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		if out, err = exec.Command("umount", d.Dir).CombinedOutput(); err == nil {
			break
		}
		<-time.After(20 * time.Millisecond)
	}
	if err != nil {
		d.t.Fatalf("unmount: %v\n%s", err, out)
	}
	if out, err := d.mount(); err != nil {
		d.t.Fatalf("mount: %v\n%s", err, out)
	}
}
