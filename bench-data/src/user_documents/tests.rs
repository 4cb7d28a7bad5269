//! Tests of what is taken from a folder, what is left out, and how it is named.

use super::*;

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("my docs").tempdir().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

#[test]
fn text_files_come_in_the_order_of_their_paths() {
    let folder = folder(&[
        ("b.md", b"bb"),
        ("sub/a.RST", "Über".as_bytes()),
        ("a.py", b"a"),
        (".git/c.txt", b"hidden"),
        (".hidden.txt", b"hidden"),
    ]);
    let documents = UserDocuments::open(folder.path(), None).unwrap();
    let root = fs::canonicalize(folder.path()).unwrap();
    assert_eq!(documents.paths(), ["a.py", "b.md", "sub/a.RST"].map(|path| root.join(path)));
    assert_eq!(documents.about(), "files: 3, bytes: 8, left out: nothing");
    assert!(documents.name().starts_with("my_docs"), "{}", documents.name());
}

#[test]
fn what_is_no_text_is_counted_and_named() {
    let folder = folder(&[
        ("text.txt", b"text"),
        ("zero.txt", b"a\0b"),
        ("latin.txt", b"caf\xe9"),
        ("blank.md", b" \n"),
        ("1.png", b"x"),
        ("2.png", b"x"),
        ("3.png", b"x"),
        ("README", b"x"),
    ]);
    let documents = UserDocuments::open(folder.path(), None).unwrap();
    assert_eq!(
        documents.about(),
        "files: 1, bytes: 4, left out: 1 binary (zero.txt), 1 not UTF-8 (latin.txt), 1 empty (blank.md), \
         4 with other endings (1.png, 2.png, 3.png, README)"
    );
    let note = documents.note();
    assert!(
        note.starts_with("documents of my_docs") && note.ends_with("(1.png, 2.png, 3.png, ...)"),
        "{note}"
    );
}

/// Characters of two and three bytes, cut at every place that a block can end at.
#[test]
fn text_is_looked_at_in_blocks() {
    for shift in 0..4 {
        let text = "x".repeat(shift) + &"ä漢".repeat(BLOCK / 2);
        assert_eq!(text_bytes(text.as_bytes()), Ok(text.len() as u64));
        let broken = [text.as_bytes(), &"漢".as_bytes()[..2]].concat();
        assert_eq!(text_bytes(&broken[..]), Err(Reason::NotUtf8), "the last character is cut");
        let late = [text.as_bytes(), b"\xff", text.as_bytes()].concat();
        assert_eq!(text_bytes(&late[..]), Err(Reason::NotUtf8));
        let binary = [&late[..], b"\0"].concat();
        assert_eq!(text_bytes(&binary[..]), Err(Reason::Binary), "a NUL behind what is no UTF-8");
    }
    let blank = " \n".repeat(BLOCK);
    assert_eq!(text_bytes(blank.as_bytes()), Err(Reason::Empty));
    assert_eq!(text_bytes((blank + "a").as_bytes()), Ok(2 * BLOCK as u64 + 1));
    assert_eq!(text_bytes(&b""[..]), Err(Reason::Empty));
}

/// A sparse file would be binary: this one is text.
#[test]
fn a_file_that_does_not_fit_into_memory_is_left_out_with_the_way_out() {
    let text = "A line.\n".repeat(1 << 17);
    let folder = folder(&[("large.txt", text.as_bytes()), ("small.txt", b"text")]);
    let open = |limit| UserDocuments::open(folder.path(), Some(limit));
    let documents = open(8 << 20).unwrap();
    assert_eq!(documents.about(), "files: 2, bytes: 1048580, left out: nothing");
    let error = documents.ensure_they_fit().unwrap_err().to_string();
    assert!(error.contains("have 1.00 MiB in all; ingesting takes up to 8 times as much"), "{error}");
    assert!(error.contains("more than --memory-limit 8.00 MiB: name a smaller folder, or raise"), "{error}");
    open(9 << 20).unwrap().ensure_they_fit().unwrap();
    let documents = open((8 << 20) - 1).unwrap();
    documents.ensure_they_fit().unwrap();
    assert_eq!(
        documents.about(),
        "files: 1, bytes: 4, left out: 1 larger than 1.00 MiB, 1/8 of --memory-limit: raise it to take them in \
         (large.txt)"
    );
    fs::remove_file(folder.path().join("small.txt")).unwrap();
    let error = open(1 << 20).unwrap_err().to_string();
    assert!(error.contains("has no text: 1 larger than 0.12 MiB") && error.contains("large.txt"), "{error}");
    assert!(UserDocuments::open(folder.path(), None).unwrap().ensure_they_fit().is_ok(), "no limit");
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_does_not_stop_the_rest() {
    let folder = folder(&[("text.txt", b"text"), ("sub/more.txt", b"more")]);
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
    link("gone.txt", "dangling.txt");
    link("sub", "folder.txt");
    link("text.txt", "again.txt");
    link("..", "sub/up.md");
    link(".", "loop");
    link("itself.md", "itself.md");
    fs::write(folder.path().join("\u{1b}[31mred.bin"), "").unwrap();
    fs::write(folder.path().join("two\nlines.bin"), "").unwrap();
    let documents = UserDocuments::open(folder.path(), None).unwrap();
    assert_eq!(
        documents.about(),
        "files: 3, bytes: 12, left out: 2 unreadable (dangling.txt, itself.md), 2 with other endings \
         (\u{fffd}[31mred.bin, two\u{fffd}lines.bin)"
    );
    let only_passed_over = folder.path().join("more");
    fs::create_dir_all(only_passed_over.join(".git")).unwrap();
    fs::write(only_passed_over.join(".hidden.txt"), "text").unwrap();
    std::os::unix::fs::symlink("../sub", only_passed_over.join("sub")).unwrap();
    let error = UserDocuments::open(&only_passed_over, None).unwrap_err().to_string();
    assert!(
        error.contains("has no text: nothing but what is passed over (3): hidden files and folders, links"),
        "{error}"
    );
}

#[test]
fn a_folder_without_text_is_refused_with_the_fix() {
    for (files, reason) in [
        (&[][..], "has no text: no file at all; name a folder with files of UTF-8 text"),
        (&[("a.png", &b"x"[..])][..], "has no text: 1 with other endings (a.png); name a folder"),
    ] {
        let error = UserDocuments::open(folder(files).path(), None).unwrap_err().to_string();
        assert!(error.contains(reason) && error.contains("txt, text, md"), "{error}");
    }
    let error = UserDocuments::open(Path::new("/no/such"), None).unwrap_err().to_string();
    assert!(error.contains("/no/such"), "{error}");
}
