//! What is subscribed, and who waits for it. Changes leave in batches, one at a time: their order is kept.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use socketio_rooms::{Namespace, RoomChange};

use super::{Core, Place};
use crate::classic;
use crate::event::Event;
use crate::format::Subscription;
use crate::streams::Recovery;

/// To be subscribed (true), or not any more.
pub(crate) type Change = (Subscription, bool);

/// Changes that wait or are on their way, with the events that follow them.
#[derive(Default)]
pub(super) struct Subscriptions {
    connected: bool,
    changes: Vec<Change>,
    after: Vec<Event>,
    /// What follows the batch on its way.
    confirming: Option<Vec<Event>>,
}

impl Core {
    /// Everything is to be subscribed on a new connection; returns the channels whose subscription is checked.
    pub(crate) fn begin(&mut self, now: Instant) -> Vec<String> {
        self.excuse(now);
        // First: who is counted on a namespace's channel hears its broadcasts, too.
        let broadcasts = self.broadcasts.as_deref().map(|prefix| Subscription::Pattern(classic::pattern(prefix)));
        let mut all: Vec<_> = broadcasts.into_iter().chain(self.presence_subscriptions()).collect();
        let mut checked = Vec::new();
        for (slot, place) in &self.places {
            checked.push(place.format.counted().to_owned());
            all.extend(place.format.subscriptions());
            all.extend(place.channels.keys().map(|channel| Subscription::Shard(channel.to_string())));
            self.subscriptions.after.push(Event::Joined(*slot));
        }
        self.subscriptions.changes = all.into_iter().map(|subscription| (subscription, true)).collect();
        self.subscriptions.connected = true;
        checked
    }

    /// There is no connection any more: nobody waits for what does not come.
    pub(crate) fn lost(&mut self) {
        let Subscriptions { after, confirming, .. } = std::mem::take(&mut self.subscriptions);
        for event in confirming.into_iter().flatten().chain(after).filter(|event| matches!(event, Event::Settled(_))) {
            self.events.push(event);
        }
    }

    /// The next batch, when none is on its way. [`Self::confirmed`] follows.
    pub(crate) fn next_changes(&mut self) -> Option<Vec<Change>> {
        let Subscriptions { changes, after, confirming, .. } = &mut self.subscriptions;
        if confirming.is_some() || (changes.is_empty() && after.is_empty()) {
            return None;
        }
        *confirming = Some(std::mem::take(after));
        Some(std::mem::take(changes))
    }

    /// The batch is in force.
    pub(crate) fn confirmed(&mut self) {
        let events = self.subscriptions.confirming.take().unwrap_or_default();
        if events.iter().any(|event| matches!(event, Event::Joined(_))) {
            // The others hear of a new namespace at once.
            self.hello(false);
        }
        for event in events {
            self.events.push(event);
        }
    }

    /// A namespace is not subscribed yet: answers to what is published now would not arrive.
    pub(crate) fn is_joining(&self) -> bool {
        let waiting = self.subscriptions.confirming.iter().flatten().chain(&self.subscriptions.after);
        waiting.into_iter().any(|event| matches!(event, Event::Joined(_)))
    }

    /// Tells when what has been asked for so far is in force, or there is no connection.
    pub(super) fn settle(&mut self, ticket: u32) {
        let Subscriptions { connected, changes, confirming, after } = &mut self.subscriptions;
        if *connected && (confirming.is_some() || !changes.is_empty()) {
            after.push(Event::Settled(ticket));
        } else {
            self.events.push(Event::Settled(ticket));
        }
    }

    fn change(&mut self, subscription: Subscription, on: bool) {
        // On a new connection all is subscribed anew.
        if self.subscriptions.connected {
            self.subscriptions.changes.push((subscription, on));
        }
    }

    pub(super) fn join(
        &mut self,
        slot: u32,
        nsp: String,
        (rooms, recovery): (Arc<Namespace>, Option<Arc<Recovery>>),
        native: bool,
    ) {
        let format = self.config.mode.format(&self.config, &nsp);
        for subscription in format.subscriptions() {
            self.owners.insert(subscription.name().into(), slot);
            self.change(subscription, true);
        }
        if self.subscriptions.connected {
            self.subscriptions.after.push(Event::Joined(slot));
        }
        self.hashes = self.hashes.max(nsp.matches('#').count());
        self.by_name.insert(nsp.clone(), slot);
        if let Some(recovery) = &recovery {
            recovery.set_reading(self.reading);
        }
        let (held, undone, held_bytes, channels) = (VecDeque::new(), 0, 0, HashMap::default());
        let place = Place { nsp, format, rooms, native, undone, held, held_bytes, channels, recovery };
        self.places.insert(slot, place);
        self.begin_index(slot, false);
    }

    pub(super) fn leave(&mut self, slot: u32) {
        let Some(place) = self.places.remove(&slot) else { return };
        if self.by_name.get(&place.nsp) == Some(&slot) {
            self.by_name.remove(&place.nsp);
        }
        let rooms = place.channels.keys().map(|channel| Subscription::Shard(channel.to_string()));
        for subscription in place.format.subscriptions().into_iter().chain(rooms) {
            self.disown(slot, subscription);
        }
    }

    fn disown(&mut self, slot: u32, subscription: Subscription) {
        // A namespace of the same name may have begun.
        if self.owners.get(subscription.name()) == Some(&slot) {
            self.owners.remove(subscription.name());
            self.change(subscription, false);
        }
    }

    /// Rooms of a namespace were made, or are gone.
    pub(super) fn rooms(&mut self, slot: u32, changes: Vec<RoomChange>) {
        for change in changes {
            let Some(place) = self.places.get_mut(&slot) else { return };
            let (RoomChange::Made(key) | RoomChange::Gone(key)) = &change;
            let Some(subscription) = place.format.room(key) else { continue };
            if let RoomChange::Made(_) = change {
                let channel: Arc<str> = subscription.name().into();
                let count = place.channels.entry(Arc::clone(&channel)).or_default();
                *count += 1;
                if *count == 1 {
                    self.owners.insert(channel, slot);
                    self.change(subscription, true);
                }
            } else if let Some(count) = place.channels.get_mut(subscription.name()) {
                *count -= 1;
                if *count == 0 {
                    place.channels.remove(subscription.name());
                    self.disown(slot, subscription);
                }
            }
        }
    }
}
