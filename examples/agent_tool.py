"""One agent checks a peer before it cooperates.

Rita's agent is asked to run a campaign with Leo. It calls check_alignment, reads the advice and answers. Who is asking
(Rita) comes from the run's context: the language model cannot pretend to be somebody else. Without a key the language
model is a script; the tool, the index and the verdict are real either way.

    python examples/agent_tool.py
"""

from __future__ import annotations

from common import calls, chat_model, town_index
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, ToolMessage

from jepa_langchain import AlignmentToolkit, Caller

SCRIPT = [
    calls("check_alignment", peer="leo"),
    AIMessage("I looked at what Leo has said. We disagree about the minimum wage, about social media and about "
              "animal testing (see the rows D1 to D3), so I decline the joint campaign."),
]  # fmt: skip


def main() -> None:
    """Ask Rita's agent whether to work with Leo."""
    toolkit = AlignmentToolkit(index=town_index())
    agent = create_agent(
        chat_model(SCRIPT), toolkit.get_tools(), system_prompt=toolkit.system_prompt(), context_schema=Caller
    )
    question = "Leo proposes a joint campaign. Should we join? Check him first."
    state = agent.invoke({"messages": [("user", question)]}, context=Caller("rita"))
    print(f"user: {question}\n")
    for message in state["messages"][1:]:
        if isinstance(message, ToolMessage):
            print(f"{message.name} answers:\n{message.text}\n")
            check = message.artifact
            if check is not None and message.name == "check_alignment":
                print(f"(the artifact holds {check.agreements + check.disagreements} rows, advice: {check.advice})\n")
        elif isinstance(message, AIMessage) and message.text:
            print(f"Rita's agent: {message.text}")


if __name__ == "__main__":
    main()
