//! A queue from one worker to the one who takes results, bounded by weight.
//!
//! The results of a piece of a file wait here until it is their turn. A lane always has room for
//! one message, so that a heavy one cannot block itself.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

/// The other end is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone;

struct State<M> {
    waiting: VecDeque<(M, usize)>,
    held: usize,
    sender: bool,
    receiver: bool,
}

struct Lane<M> {
    room: usize,
    state: Mutex<State<M>>,
    changed: Condvar,
}

impl<M> Lane<M> {
    /// Nothing here can panic while the lock is held, so what it guards is whole.
    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State<M>>) -> MutexGuard<'a, State<M>> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The worker's end.
pub(super) struct Sender<M>(Arc<Lane<M>>);

/// The taker's end.
pub(super) struct Receiver<M>(Arc<Lane<M>>);

/// A lane that holds messages up to a weight of `room`, and always one.
pub(super) fn lane<M>(room: usize) -> (Sender<M>, Receiver<M>) {
    let lane = Arc::new(Lane {
        room,
        state: Mutex::new(State {
            waiting: VecDeque::new(),
            held: 0,
            sender: true,
            receiver: true,
        }),
        changed: Condvar::new(),
    });
    (Sender(Arc::clone(&lane)), Receiver(lane))
}

impl<M> Sender<M> {
    /// Waits for room.
    pub(super) fn send(&self, message: M, weight: usize) -> Result<(), Gone> {
        let mut state = self.0.lock();
        while state.receiver
            && !state.waiting.is_empty()
            && state.held.saturating_add(weight) > self.0.room
        {
            state = self.0.wait(state);
        }
        if !state.receiver {
            return Err(Gone);
        }
        state.held = state.held.saturating_add(weight);
        state.waiting.push_back((message, weight));
        self.0.changed.notify_all();
        Ok(())
    }
}

impl<M> Receiver<M> {
    /// Waits for the next message.
    pub(super) fn receive(&self) -> Result<M, Gone> {
        let mut state = self.0.lock();
        loop {
            if let Some((message, weight)) = state.waiting.pop_front() {
                state.held = state.held.saturating_sub(weight);
                self.0.changed.notify_all();
                return Ok(message);
            }
            if !state.sender {
                return Err(Gone);
            }
            state = self.0.wait(state);
        }
    }
}

impl<M> Drop for Sender<M> {
    fn drop(&mut self) {
        self.0.lock().sender = false;
        self.0.changed.notify_all();
    }
}

impl<M> Drop for Receiver<M> {
    fn drop(&mut self) {
        let left = {
            let mut state = self.0.lock();
            state.receiver = false;
            std::mem::take(&mut state.waiting)
        };
        self.0.changed.notify_all();
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn messages_keep_their_order_and_never_outweigh_the_room() {
        let (to, from) = lane(10);
        let held = AtomicUsize::new(0);
        let most = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let (held, most) = (&held, &most);
            scope.spawn(move || {
                for n in 0..1000 {
                    to.send(n, 3).unwrap();
                    most.fetch_max(held.fetch_add(3, Ordering::SeqCst) + 3, Ordering::SeqCst);
                }
            });
            for n in 0..1000 {
                assert_eq!(from.receive(), Ok(n));
                held.fetch_sub(3, Ordering::SeqCst);
            }
            assert_eq!(from.receive(), Err(Gone));
        });
        // One that is on its way on either side is not counted by the lane.
        assert!(most.into_inner() <= 9 + 3);
    }

    #[test]
    fn a_message_heavier_than_the_room_goes_through_alone() {
        let (to, from) = lane(1);
        to.send('a', usize::MAX).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || to.send('b', usize::MAX).unwrap());
            assert_eq!((from.receive(), from.receive()), (Ok('a'), Ok('b')));
        });
    }

    #[test]
    fn a_sender_that_waits_learns_that_the_receiver_went() {
        let (to, from) = lane(1);
        to.send((), 1).unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(move || to.send((), 1));
            drop(from);
            assert_eq!(waits.join().unwrap(), Err(Gone));
        });
    }
}
