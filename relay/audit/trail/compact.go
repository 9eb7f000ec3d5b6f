package trail

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"buildrelay/relay/wholefile"
)

// wasteful says that much of the file is what the database has.
func (s *spool) wasteful() bool { return s.at > s.size/4 }

// compact makes the file one of what the database has yet to take. Places in it are no more
// what they were. After an error all is as before.
func (s *spool) compact() error {
	path := s.path + ".new"
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("compacting the spool: %w", err)
	}
	begin, err := s.copyTo(file)
	if err == nil {
		err = os.Rename(path, s.path)
	}
	if err != nil {
		_, _ = file.Close(), os.Remove(path) // err is what matters
		return fmt.Errorf("compacting the spool: %w", err)
	}
	_ = s.file.Close() // it has no name any more
	s.file, s.size, s.at, s.frayed = file, begin+s.bytes(), begin, false
	if err := wholefile.SyncFolder(filepath.Dir(s.path)); err != nil {
		return fmt.Errorf("compacting the spool: %w", err)
	}
	return nil
}

// copyTo writes to another file what the database has yet to take, and says where it begins.
func (s *spool) copyTo(file *os.File) (begin int64, err error) {
	if err := wholefile.Lock(file); err != nil {
		return 0, err
	}
	head := s.form.head(s.number + 1)
	if _, err := file.Write(head); err != nil {
		return 0, err
	}
	if _, err := io.Copy(file, io.NewSectionReader(s.file, s.at, s.bytes())); err != nil {
		return 0, err
	}
	return int64(len(head)), file.Sync()
}
