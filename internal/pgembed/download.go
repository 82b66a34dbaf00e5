//go:build unix

package pgembed

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// DownloadVersion is the build that is asked for under Config.DownloadURL. The
// archive holds bin/, lib/ and share/ at its root.
const DownloadVersion = "17.6"

const (
	// A server build is about 20 MB packed and 60 MB unpacked, in some 2,500
	// files, most of them time zones. Ten times that is no build of PostgreSQL.
	archiveBytesMax  = 200 << 20
	unpackedBytesMax = 600 << 20
	entriesMax       = 25_000
	// A checksum is 64 digits and a file name.
	checksumBytesMax = 1 << 10
	// Redirects of a download server: to a mirror, and to its storage.
	redirectsMax = 5
)

// download fetches a build, compares its checksum and unpacks it into the cache.
// The checksum comes from the same place, so it guards against a broken transfer;
// against a dishonest one, only https does.
func (c Config) download(ctx context.Context) error {
	if c.DownloadURL == "" {
		return errNotHere
	}
	address, err := url.JoinPath(c.DownloadURL, runtime.GOOS+"-"+runtime.GOARCH, "postgres-"+DownloadVersion+".tar.gz")
	if err != nil {
		return fmt.Errorf("download PostgreSQL: %w", err)
	}
	if err := os.MkdirAll(c.downloads(), 0o755); err != nil {
		return err
	}
	archive, err := os.CreateTemp(c.downloads(), "new-*.tar.gz")
	if err != nil {
		return err
	}
	defer func() { _, _ = archive.Close(), os.Remove(archive.Name()) }() // scratch
	if err := c.fetchChecked(ctx, address, archive); err != nil {
		return fmt.Errorf("download PostgreSQL: %w", err)
	}
	if _, err := archive.Seek(0, io.SeekStart); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(c.downloads(), "new-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(fresh) }() // gone already when it was renamed
	if err := unpack(archive, fresh); err != nil {
		return fmt.Errorf("unpack %s: %w", address, err)
	}
	if err := os.Chmod(fresh, 0o755); err != nil { // the account must be able to run what is in it
		return err
	}
	final := filepath.Join(c.downloads(), DownloadVersion)
	if err := os.RemoveAll(final); err != nil { // it was searched and is no good
		return err
	}
	return os.Rename(fresh, final)
}

// fetchChecked writes the body of address to the archive and compares it with
// the checksum beside it.
func (c Config) fetchChecked(ctx context.Context, address string, archive io.Writer) error {
	client := &http.Client{
		Transport: http.DefaultTransport.(*http.Transport).Clone(), // the standard library's own type
		CheckRedirect: func(request *http.Request, via []*http.Request) error {
			if len(via) > redirectsMax {
				return errors.New("too many redirects")
			}
			return trustworthy(request.URL)
		},
	}
	defer client.CloseIdleConnections()

	var line strings.Builder
	if err := fetch(ctx, client, address+".sha256", &line, checksumBytesMax, nil); err != nil {
		return err
	}
	digits, _, _ := strings.Cut(strings.TrimSpace(line.String()), " ")
	want, err := hex.DecodeString(digits)
	if err != nil || len(want) != sha256.Size {
		return fmt.Errorf("%s.sha256 does not hold a SHA-256 checksum", address)
	}
	hash := sha256.New()
	progress := &progress{logf: c.Logf}
	if err := fetch(ctx, client, address, io.MultiWriter(archive, hash, progress), archiveBytesMax, progress); err != nil {
		return err
	}
	if got := hash.Sum(nil); string(got) != string(want) {
		return fmt.Errorf("%s does not match its checksum (got %x, want %x): it was not used", address, got, want)
	}
	return nil
}

// fetch copies the body of an answer, whole or not at all.
func fetch(ctx context.Context, client *http.Client, address string, to io.Writer, bytesMax int64, progress *progress) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	if err := trustworthy(request.URL); err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // read to its end or given up
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", address, answer.Status)
	}
	if progress != nil {
		progress.total = answer.ContentLength
	}
	copied, err := io.Copy(to, io.LimitReader(answer.Body, bytesMax+1))
	if err == nil && copied > bytesMax {
		err = fmt.Errorf("more than %d bytes", bytesMax)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	return nil
}

// trustworthy refuses to take programs over a line that anybody may write to.
func trustworthy(address *url.URL) error {
	host := address.Hostname()
	ip, err := netip.ParseAddr(host)
	if address.Scheme == "https" || address.Scheme == "http" && (host == "localhost" || err == nil && ip.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("%s: programs are downloaded over https only, except from this machine", address.Redacted())
}

// progress tells each tenth of a download.
type progress struct {
	logf        func(string, ...any)
	total, seen int64
	told        int64
}

func (p *progress) Write(body []byte) (int, error) {
	p.seen += int64(len(body))
	if tenth := p.seen * 10 / max(p.total, 1); p.total > 0 && tenth > p.told {
		p.told = tenth
		p.logf("downloading PostgreSQL %s: %d0 %% of %d MB", DownloadVersion, tenth, p.total>>20)
	}
	return len(body), nil
}

// unpack writes a tar.gz below dir and nowhere else: os.Root refuses every path
// that leaves it, through ".." as through a link, and links that point out of it
// are refused here.
func unpack(archive io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // a directory handle
	zipped, err := gzip.NewReader(archive)
	if err != nil {
		return err
	}
	left := int64(unpackedBytesMax)
	entries := tar.NewReader(zipped)
	for range entriesMax {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if left -= header.Size; left < 0 {
			return fmt.Errorf("more than %d bytes unpacked", int64(unpackedBytesMax))
		}
		if err := unpackEntry(root, header, entries); err != nil {
			return fmt.Errorf("%q: %w", header.Name, err)
		}
	}
	return fmt.Errorf("more than %d entries", entriesMax)
}

func unpackEntry(root *os.Root, header *tar.Header, body io.Reader) error {
	name := filepath.Clean(header.Name)
	if !filepath.IsLocal(name) {
		return errors.New("path leaves the directory")
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeReg:
		file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644|header.FileInfo().Mode()&0o111)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, body) // bounded by header.Size, which was counted
		return errors.Join(err, file.Close())
	case tar.TypeSymlink:
		if filepath.IsAbs(header.Linkname) || !filepath.IsLocal(filepath.Join(filepath.Dir(name), header.Linkname)) {
			return errors.New("link leaves the directory")
		}
		return root.Symlink(header.Linkname, name)
	case tar.TypeLink: // a name of an earlier entry, as the time zones have
		return root.Link(filepath.Clean(header.Linkname), name)
	default:
		return fmt.Errorf("unexpected type %q", header.Typeflag)
	}
}
