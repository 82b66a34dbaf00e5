package sandbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// A journal line is one change: some rows and webhooks of a few KiB. A longer
// line than this is not ours.
const journalLineBytesMax = 4 << 20

// Journal keeps changes on disk, a JSON line each, in the order they happened.
// A line is a whole change, so a crash leaves either all of it or none: an
// unfinished last line was never answered to anybody and is cut off.
//
// The file only grows; a sandbox that has run too long is started on a new one.
// The zero Journal keeps nothing and is valid: books in memory.
type Journal struct {
	file *os.File

	mu      sync.Mutex
	written uint64
	broken  error // after a failed write nothing more is accepted

	syncMu sync.Mutex
	synced uint64
}

// OpenJournal opens or makes the file and replays its lines, oldest first. With
// an empty path it keeps nothing. A line that is whole but unreadable is an
// error: the books are not to be guessed.
func OpenJournal(path string, replay func(line []byte) error) (*Journal, error) {
	if path == "" {
		return &Journal{}, nil
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open books: %w", err)
	}
	end, err := replayLines(file, replay)
	if err == nil {
		err = file.Truncate(end)
	}
	if err == nil {
		_, err = file.Seek(end, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read books %s: %w", path, err), file.Close())
	}
	return &Journal{file: file}, nil
}

// replayLines gives each whole line to replay and returns where the last ended.
func replayLines(file io.Reader, replay func([]byte) error) (int64, error) {
	var end int64
	in := bufio.NewReaderSize(file, 64<<10)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return end, nil
		}
		if err != nil {
			return 0, err
		}
		if len(line) > journalLineBytesMax {
			return 0, fmt.Errorf("a line of %d bytes", len(line))
		}
		if err := replay(bytes.TrimSuffix(line, []byte{'\n'})); err != nil {
			return 0, err
		}
		end += int64(len(line))
	}
}

// Append writes a change and returns its number for Sync. The caller holds the
// lock that orders changes; Append itself only waits for the operating system
// to take the bytes, which is what kill -9 cannot undo.
func (j *Journal) Append(change any) (uint64, error) {
	if j.file == nil {
		return 0, nil
	}
	line, err := json.Marshal(change)
	if err != nil {
		return 0, fmt.Errorf("write books: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return 0, j.broken
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		j.broken = fmt.Errorf("write books: %w", err)
		return 0, j.broken
	}
	j.written++
	return j.written, nil
}

// Sync returns once the change is on the disk. Callers who wait together share
// one fsync.
func (j *Journal) Sync(number uint64) error {
	if j.file == nil {
		return nil
	}
	j.syncMu.Lock()
	defer j.syncMu.Unlock()
	if j.synced >= number {
		return nil
	}
	j.mu.Lock()
	written := j.written
	j.mu.Unlock()
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("sync books: %w", err)
	}
	j.synced = written
	return nil
}

// Close closes the file. Twice is an error of os.File, as usual.
func (j *Journal) Close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}
