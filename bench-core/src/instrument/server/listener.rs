//! Which process of this machine listens on a TCP port (proc_pid_net(5), proc_pid_fd(5)).

use std::collections::BTreeSet;
use std::fs;

/// The process called `name` that listens on `port`.
pub(super) fn pid(port: u16, name: &str) -> Result<u32, String> {
    let inodes: BTreeSet<u64> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .collect();
    // A server's children may hold its socket, too; they come after it.
    let holder = process_ids().into_iter().find(|pid| holds(*pid, &inodes));
    let Some(pid) = holder else {
        return Err(format!("no process that this user may look at listens on port {port}"));
    };
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    match comm.trim_end() {
        found if found == name => Ok(pid),
        // In a container the port may be docker-proxy's, whose memory says nothing.
        other => Err(format!("port {port} belongs to the process {other:?}, not to {name:?}")),
    }
}

/// The sockets that listen on `port`, in a table like `/proc/net/tcp`.
fn listening_inodes(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let inode = |line: &str| -> Option<u64> {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let local = fields.get(1)?.rsplit_once(':')?.1;
        let is_it = u16::from_str_radix(local, 16).ok()? == port && *fields.get(3)? == LISTEN;
        if is_it { fields.get(9)?.parse().ok() } else { None }
    };
    table.lines().skip(1).filter_map(inode).collect()
}

/// Every process, the oldest first as far as numbers tell.
fn process_ids() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let mut ids: Vec<u32> =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    ids.sort_unstable();
    ids
}

fn holds(pid: u32, inodes: &BTreeSet<u64>) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let socket = |entry: fs::DirEntry| -> Option<u64> {
        let target = fs::read_link(entry.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    entries.filter_map(|entry| socket(entry.ok()?)).any(|inode| inodes.contains(&inode))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:D439 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65534        0 5551 1 0000 100 0 0 10 0
   1: 0100007F:D439 0100007F:A1B2 01 00000000:00000000 00:00000000 00000000     0        0 5552 1 0000 20 4 30 10 -1
   2: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65534        0 5553 1 0000 100 0 0 10 0
";

    #[test]
    fn only_sockets_that_listen_on_the_port_count() {
        assert_eq!(listening_inodes(TABLE, 54329), [5551]);
        assert_eq!(listening_inodes(TABLE, 5432), [5553]);
        assert_eq!(listening_inodes(TABLE, 80), [0; 0]);
        assert_eq!(listening_inodes("", 80), [0; 0]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_listener_is_found_and_must_have_the_name() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let own = fs::read_to_string("/proc/self/comm").unwrap();
        assert_eq!(pid(port, own.trim_end()), Ok(std::process::id()));
        let refused = pid(port, "postgres").unwrap_err();
        assert!(refused.contains(&format!("port {port} belongs to the process")), "{refused}");
        drop(socket);
        assert!(pid(port, "postgres").unwrap_err().contains("no process"));
    }
}
