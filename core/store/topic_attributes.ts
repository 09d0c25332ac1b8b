/** What the store is told of topics: how their queues are kept, and when their messages may go. */

/** Attributes of a topic, as topics.json has them; undefined when there is no such topic. */
export type TopicAttributes = (topic: string) => Readonly<Record<string, string>> | undefined;
