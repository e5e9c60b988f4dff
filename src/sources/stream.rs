//! An input's bytes, decompressed and counted.
//!
//! Gives the readers one buffered stream whatever the origin and packing, says how far the packed
//! bytes have been read, and tells a damaged container from a failing device. Memory is a few
//! buffers, whatever the input.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::rc::Rc;

use super::detect::{Compression, Input, Origin};
use super::error::{Error, Place};

const BUFFER_BYTES: usize = 256 * 1024;

/// Decompressed bytes, and how many stored ones they took.
pub(super) struct Stream {
    pub(super) reader: Box<dyn BufRead>,
    consumed: Rc<Cell<u64>>,
    compression: Compression,
    name: String,
}

impl Stream {
    /// Opens an input from its first byte.
    pub(super) fn open(input: &Input) -> Result<Stream, Error> {
        let source: Box<dyn Read> = match &input.origin {
            Origin::File(path) => Box::new(File::open(path).map_err(|source| Error::Open {
                name: input.name.clone(),
                source,
            })?),
            Origin::Stdin => {
                let peeked = std::io::Cursor::new(input.peeked.clone());
                Box::new(peeked.chain(std::io::stdin().lock()))
            }
        };
        let consumed = Rc::new(Cell::new(0));
        let stored = Counted {
            inner: source,
            bytes: Rc::clone(&consumed),
        };
        let reader: Box<dyn BufRead> = match input.compression {
            Compression::None => Box::new(BufReader::with_capacity(BUFFER_BYTES, stored)),
            Compression::Gzip => {
                let stored = BufReader::with_capacity(BUFFER_BYTES, stored);
                let plain = flate2::bufread::MultiGzDecoder::new(stored);
                Box::new(BufReader::with_capacity(BUFFER_BYTES, plain))
            }
            Compression::Zstd => {
                let stored = BufReader::with_capacity(BUFFER_BYTES, stored);
                let plain = zstd::stream::read::Decoder::with_buffer(stored).map_err(|source| {
                    Error::Open {
                        name: input.name.clone(),
                        source,
                    }
                })?;
                Box::new(BufReader::with_capacity(BUFFER_BYTES, plain))
            }
        };
        Ok(Stream {
            reader,
            consumed,
            compression: input.compression,
            name: input.name.clone(),
        })
    }

    /// Stored bytes read so far.
    pub(super) fn consumed(&self) -> u64 {
        self.consumed.get()
    }

    /// The same count, for a reader that takes the stream apart.
    pub(super) fn counter(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.consumed)
    }

    /// What a failed read means.
    pub(super) fn failure(&self, place: Place, source: std::io::Error) -> Error {
        // An error of the operating system has a number; the decoders' own have none.
        if self.compression != Compression::None && source.raw_os_error().is_none() {
            Error::Damaged {
                name: self.name.clone(),
                place,
                detail: source.to_string(),
            }
        } else {
            Error::Read {
                name: self.name.clone(),
                place,
                source,
            }
        }
    }
}

/// Refuses UTF-16, the other encoding that Windows programs write; `head` is where the text begins.
pub(super) fn refuse_utf16(head: &[u8], name: &str) -> Result<(), Error> {
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return Err(Error::WrongKind {
            name: name.to_owned(),
            detail: "the text is UTF-16; save or convert it as UTF-8".to_owned(),
        });
    }
    Ok(())
}

struct Counted<R> {
    inner: R,
    bytes: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes.set(self.bytes.get() + count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;
    use std::io::Write;

    fn input(path: &std::path::Path, compression: Compression) -> Input {
        Input {
            origin: Origin::File(path.to_path_buf()),
            name: "shown".into(),
            kind: Kind::Ndjson,
            compression,
            bytes: None,
            peeked: Vec::new(),
        }
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text).unwrap();
        packed.finish().unwrap()
    }

    #[test]
    fn members_and_frames_follow_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let frames: [(Compression, Vec<u8>); 2] = [
            (Compression::Gzip, [gzip(b"one\n"), gzip(b"two\n")].concat()),
            (
                Compression::Zstd,
                [
                    zstd::encode_all(&b"one\n"[..], 1).unwrap(),
                    zstd::encode_all(&b"two\n"[..], 1).unwrap(),
                ]
                .concat(),
            ),
        ];
        for (compression, bytes) in frames {
            std::fs::write(&path, &bytes).unwrap();
            let mut stream = Stream::open(&input(&path, compression)).unwrap();
            let mut text = String::new();
            stream.reader.read_to_string(&mut text).unwrap();
            assert_eq!(text, "one\ntwo\n");
            assert_eq!(stream.consumed(), bytes.len() as u64);
            // Cut short, it is damaged and not a device at fault.
            std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
            let mut stream = Stream::open(&input(&path, compression)).unwrap();
            let error = stream.reader.read_to_string(&mut text).unwrap_err();
            let error = stream.failure(Place::Line(1), error);
            assert!(matches!(error, Error::Damaged { .. }), "{error}");
        }
    }

    #[test]
    fn a_missing_file_names_itself() {
        let error = Stream::open(&input("no/such/file".as_ref(), Compression::None));
        let error = error.err().unwrap();
        assert!(error.to_string().starts_with("shown: "), "{error}");
    }
}
