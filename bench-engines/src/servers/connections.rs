//! Connections to a server, one for each thread that searches at once.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use anyhow::Result;

/// Connections that threads share.
pub(super) struct Connections<C>(Vec<Mutex<C>>);

impl<C> Connections<C> {
    /// Opens so many connections, at least one.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub(super) fn open(count: usize, open: impl Fn() -> Result<C>) -> Result<Connections<C>> {
        let connections = (0..count.max(1)).map(|_| Ok(Mutex::new(open()?)));
        Ok(Connections(connections.collect::<Result<_>>()?))
    }

    /// A connection that is free; when none is, the first one, as soon as it is.
    pub(super) fn take(&self) -> MutexGuard<'_, C> {
        let free = self.0.iter().find_map(|connection| match connection.try_lock() {
            Ok(connection) => Some(connection),
            // Whoever panicked with it left a client that says by itself whether it can go on.
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        free.unwrap_or_else(|| self.0[0].lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_get_connections_of_their_own_as_long_as_there_are() {
        let opened = Mutex::new(0);
        let open = || {
            let mut opened = opened.lock().unwrap();
            *opened += 1;
            Ok(*opened)
        };
        let connections = Connections::open(2, open).unwrap();
        let (first, second) = (connections.take(), connections.take());
        assert_eq!((*first, *second), (1, 2));
        std::thread::scope(|scope| {
            let third = scope.spawn(|| *connections.take());
            drop(first);
            assert_eq!(third.join().unwrap(), 1);
        });
        assert_eq!(*Connections::open(0, || Ok(7)).unwrap().take(), 7);
        assert!(Connections::<u8>::open(1, || anyhow::bail!("refused")).is_err());
    }
}
