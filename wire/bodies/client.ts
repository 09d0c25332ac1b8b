import { body, list, text } from "../body.ts";

/** Answer of GET_CONSUMER_LIST_BY_GROUP: client ids. */
export interface GetConsumerListByGroupResponseBody {
  consumerIdList: string[];
}

export const getConsumerListByGroupResponseBody = body<GetConsumerListByGroupResponseBody>("GetConsumerListByGroupResponseBody", {
  consumerIdList: list(text),
});
